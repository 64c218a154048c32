/** Upper bounds of the histograms, in seconds: a commit takes about 1 ms, a connect 2, a full pass up to hundreds. */
export const LATENCIES = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
