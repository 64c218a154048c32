/** Flags that several commands share, as arguments of commander's `option`. */

/** `--dry-run`: the daemon says what it would do and changes nothing. */
export const DRY_RUN: [string, string] = [
  '--dry-run',
  'print the ip, nft and sysctl commands that would do the same; change nothing',
];
