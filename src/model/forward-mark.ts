/**
 * The bit of a packet's mark by which another program's firewall can tell what vethd forwards. One that Kubernetes
 * (0x4000, 0x8000), podman (0x2000) and tailscale (0xff0000) leave alone.
 */
export const FORWARD_MARK = 0x8000000;

const MARK = `0x${FORWARD_MARK.toString(16)}`;

/** The match of that bit as iptables takes it. */
export const FORWARD_MARK_WORDS: readonly string[] = ['-m', 'mark', '--mark', `${MARK}/${MARK}`];
