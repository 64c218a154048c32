/** Schemas of /images. */
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { Nullable } from '../schema.ts';
import { imageIdOf } from './names.ts';

const Text = Type.String();
const Texts = Type.Array(Text);
const Config = Type.Object({ Labels: Nullable(Type.Object({})), Volumes: Nullable(Type.Object({})) });

/** `GET /images/json`: vethd lists none. */
export const ImageList = Type.Array(Text, { examples: [[]] });

/** `GET /images/{name}/json`. */
export const ImageAnswer = Type.Object(
  {
    Id: Type.String({ examples: [imageIdOf('nginx')] }),
    RepoTags: Type.Array(Text, { examples: [['nginx:latest']] }),
    RepoDigests: Texts,
    Parent: Text,
    Comment: Text,
    Created: Text,
    Author: Text,
    Config,
    ContainerConfig: Config,
    Architecture: Text,
    Os: Text,
    Size: Type.Integer({ description: 'Always 0.' }),
    VirtualSize: Type.Integer({ description: 'Always 0.' }),
    GraphDriver: Type.Object({ Name: Text, Data: Nullable(Type.Object({})) }),
    RootFS: Type.Object({ Type: Text, Layers: Texts }),
  },
  { description: 'What follows from a name that was pulled or that a container carries; there is no image.' },
);

/** What a pull says. */
export const NO_PULL = 'vethd runs no process, so no image is pulled: any name will do';

/** Query of a pull. */
export const PullQuery = Type.Object({
  fromImage: Type.Optional(Type.String({ description: 'Any name.', examples: ['nginx'] })),
  tag: Type.Optional(Type.String({ examples: ['latest'] })),
});

/** What a pull tells, a JSON object a line. */
export const PullAnswer = Type.Object(
  { status: Text },
  { description: 'One line of JSON.', examples: [{ status: NO_PULL }] },
);

/** `POST /images/prune`. */
export const PruneAnswer = Type.Object(
  { ImagesDeleted: Nullable(Texts), SpaceReclaimed: Type.Integer() },
  { examples: [{ ImagesDeleted: null, SpaceReclaimed: 0 }] },
);

/** An image on the wire. */
export type ImageJson = Static<typeof ImageAnswer>;

/** The image of that full name in Docker's JSON. */
export function toImage(name: string, architecture: string): ImageJson {
  const nothing = { Labels: null, Volumes: null };
  return {
    Id: imageIdOf(name),
    RepoTags: name.includes('@') ? [] : [name],
    RepoDigests: name.includes('@') ? [name] : [],
    Parent: '',
    Comment: '',
    Created: '1970-01-01T00:00:00Z',
    Author: '',
    Config: nothing,
    ContainerConfig: nothing,
    Architecture: architecture,
    Os: 'linux',
    Size: 0,
    VirtualSize: 0,
    GraphDriver: { Name: 'none', Data: null },
    RootFS: { Type: 'layers', Layers: [] },
  };
}
