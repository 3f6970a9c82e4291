/** Seconds since a moment of `performance.now()`. */
export function secondsSince(begun: number): number {
	return (performance.now() - begun) / 1000;
}
