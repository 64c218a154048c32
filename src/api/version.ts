/** Versions of Docker's API: every route exists bare and below `/v1.NN`; the answer's shape follows NN. */
import type { FastifyRequest } from 'fastify';
import { VethdError } from '../errors.ts';

/** The oldest version served is 1.24. */
export const MIN_MINOR = 24;
/** The newest version served is 1.50; bare paths mean this one. */
export const MAX_MINOR = 50;
/** `1.24`. */
export const MIN_API_VERSION = `1.${MIN_MINOR}`;
/** `1.50`. */
export const MAX_API_VERSION = `1.${MAX_MINOR}`;

// moby: daemon/server/server.go, versionMatcher (behaviour kept): other text after /v is just a path.
const PREFIX = /^\/v([0-9.]+)(?=\/)/;

/** The path without its version. */
export function withoutVersion(url: string): string {
  return url.replace(PREFIX, '');
}

/** The version in a path, such as `1.44`; undefined for a bare path. */
export function pathVersion(url: string): string | undefined {
  return PREFIX.exec(url)?.[1];
}

function compareVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether the version is below the oldest one served; those clients read errors as plain text. */
export function isTooOld(version: string): boolean {
  return compareVersions(version, MIN_API_VERSION) < 0;
}

/** Throws invalidArgument in Docker's words for a version that is not served. */
export function checkVersion(version: string): void {
  if (isTooOld(version)) {
    throw new VethdError(
      'invalidArgument',
      `client version ${version} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
    );
  }
  if (compareVersions(version, MAX_API_VERSION) > 0) {
    throw new VethdError(
      'invalidArgument',
      `client version ${version} is too new. Maximum supported API version is ${MAX_API_VERSION}`,
    );
  }
}

/** The minor version that a request speaks: 24 to 50. The version must have been checked. */
export function minorOf(request: FastifyRequest): number {
  const version = pathVersion(request.originalUrl);
  return version === undefined ? MAX_MINOR : Number(version.split('.')[1]);
}
