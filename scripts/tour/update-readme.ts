/**
 * Puts the tour's output, read from stdin, into the README:
 * `npm run -s quickstart | node_modules/.bin/tsx scripts/tour/update-readme.ts`.
 */
import { text } from 'node:stream/consumers';
import { writeShownTour } from './readme.ts';

writeShownTour(await text(process.stdin));
