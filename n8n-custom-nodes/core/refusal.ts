/** A request that cannot be taken, with the status and the words that the caller gets. */
import type { Failure } from './chat';

export class Refusal extends Error implements Failure {
	constructor(
		readonly status: number,
		readonly code: string,
		message: string,
		/** The field of the body that is wrong, where there is one. */
		readonly field: string | null = null,
	) {
		super(message);
	}
}
