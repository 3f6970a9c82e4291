import type { Refusal } from '../core/refusal';

/** What `run` is refused with. */
export function refusal(run: () => unknown): Refusal {
	try {
		run();
	} catch (error) {
		return error as Refusal;
	}
	throw new Error('nothing was refused');
}
