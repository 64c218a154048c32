import { expect, test } from 'vitest';
import { findImage, fullName, imageIdOf, PulledImages } from './names.ts';

test.each([
  ['nginx', 'nginx:latest'],
  ['nginx:1.27', 'nginx:1.27'],
  ['library/nginx', 'nginx:latest'],
  ['docker.io/library/nginx:1', 'nginx:1'],
  ['docker.io/team/app', 'team/app:latest'],
  ['registry.example:5000/app', 'registry.example:5000/app:latest'],
  ['app@sha256:ab', 'app@sha256:ab'],
])('the full name of %s is %s', (name, full) => {
  expect(fullName(name)).toBe(full);
});

test('an id is that of every spelling and of no other name', () => {
  expect(imageIdOf('nginx')).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(imageIdOf('docker.io/library/nginx:latest')).toBe(imageIdOf('nginx'));
  expect(imageIdOf('nginx:1')).not.toBe(imageIdOf('nginx'));
});

test('an image is found by a spelling of its name, by its id and by the beginning of that', () => {
  const id = imageIdOf('app:2');
  const names = ['nginx', 'app:2'];
  for (const term of ['app:2', 'docker.io/library/app:2', id, id.slice(7), id.slice(7, 19)]) {
    expect(findImage(term, names), term).toBe('app:2');
  }
  for (const term of ['app', 'app:1', id.slice(7, 18), 'sha256:zz']) {
    expect(findImage(term, names), term).toBeUndefined();
  }
});

test('the oldest of too many pulls is forgotten, one that was pulled again is not old', () => {
  const pulled = new PulledImages();
  for (let number = 0; number < 1_024; number++) pulled.add(`image:${number}`);
  pulled.add('image:0');
  pulled.add('image:1024');
  const names = [...pulled.names];
  expect(names).toHaveLength(1_024);
  expect(names).toContain('image:0');
  expect(names).not.toContain('image:1');
});
