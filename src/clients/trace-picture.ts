/** A traced pair as a picture of two columns: the end inside, the end on the host, and what they belong to. */
import { count, shortId } from './table.ts';
import type { TraceAnswer, TraceEndAnswer } from './wire.ts';

const WIRE = '<------->';

/** The picture; ends with a newline. */
export function formatTrace(trace: TraceAnswer): string {
  const inside = column(trace.Peer, placeOf(trace.Netns));
  const host = column(trace.Host, trace.Host ? 'on the host' : 'not on the host');
  const width = Math.max(...inside.map((cell) => cell.length));
  const lines = LABELS.map((label, row) => {
    const between = label === 'interface' ? WIRE : ' '.repeat(WIRE.length);
    const left = (inside[row] ?? '').padEnd(width);
    const bridge = label === 'interface' ? bridgeText(trace) : '';
    return `  ${label.padEnd(9)}  ${left}  ${between}  ${host[row] ?? ''}${bridge}`.trimEnd();
  });
  return `${whose(trace)}\n\n${lines.join('\n')}\n`;
}

const LABELS = ['', 'interface', 'ifindex', 'MAC', 'addresses', 'state', 'received', 'sent', 'lost'];

function placeOf(netns: string): string {
  return netns === 'host' ? 'on the host' : `inside ${netns}`;
}

/** The rows of one end, in the order of LABELS. */
function column(end: TraceEndAnswer | null | undefined, title: string): string[] {
  if (!end) return [title, 'not to be seen from here', ...LABELS.slice(2).map(() => '')];
  const { Counters: counters } = end;
  return [
    title,
    end.PeerIfindex > 0 ? `${end.Ifname}@if${end.PeerIfindex}` : end.Ifname,
    String(end.Ifindex),
    end.Mac,
    end.Addresses.length === 0 ? 'none' : end.Addresses.join(', '),
    `${stateOf(end)}, mtu ${end.Mtu}`,
    `${count(counters.RxPackets, 'packet')}, ${count(counters.RxBytes, 'byte')}`,
    `${count(counters.TxPackets, 'packet')}, ${count(counters.TxBytes, 'byte')}`,
    `${counters.RxDropped + counters.TxDropped} dropped, ${count(counters.RxErrors + counters.TxErrors, 'error')}`,
  ];
}

/** `up` only when both we (administratively) and the kernel (a carrier) say so. */
function stateOf(end: TraceEndAnswer): string {
  if (!end.Up) return 'down';
  return end.Operstate === 'up' ? 'up' : `up, but operstate ${end.Operstate}`;
}

function bridgeText(trace: TraceAnswer): string {
  return trace.Bridge ? `  --->  ${trace.Bridge.Ifname} (port ${trace.Bridge.PortState})` : '';
}

function whose(trace: TraceAnswer): string {
  if (!trace.Ours) return `a pair that vethd did not make${otherEnd(trace)}`;
  const container = trace.Container ? named('container', trace.Container) : `namespace ${trace.Netns}`;
  const network = trace.Network ? ` on ${named('network', trace.Network)}` : '';
  const endpoint = trace.EndpointId ? `, endpoint ${shortId(trace.EndpointId)}` : '';
  return `${container}${network}${endpoint}`;
}

function otherEnd({ Host, Netns, Container: container }: TraceAnswer): string {
  if (!Host) return `, from ${Netns} to another namespace than the host's`;
  if (Netns === 'host') return '; both its ends are on the host';
  return `; its other end is in ${container ? named('container', container) : Netns}`;
}

function named(noun: string, of: { readonly Id: string; readonly Name: string }): string {
  return `${noun} ${of.Name.replace(/^\//, '')} (${shortId(of.Id)})`;
}
