/** The drivers of `host` and `none`: a membership is recorded, nothing is plumbed. */
import { EMPTY_NETSTATE } from '../model/netstate.ts';
import type { DriverName } from '../model/network.ts';
import type { Driver } from './driver.ts';

function recordingDriver(name: DriverName): Driver {
  return {
    name,
    bridgeOf: () => undefined,
    hostState: () => EMPTY_NETSTATE,
    endpointStates: () => ({ host: EMPTY_NETSTATE, container: EMPTY_NETSTATE }),
  };
}

/** The members share the daemon's own namespace. */
export const hostDriver: Driver = recordingDriver('host');

/** The members have lo and nothing else; Docker calls this driver `null`. */
export const nullDriver: Driver = recordingDriver('null');
