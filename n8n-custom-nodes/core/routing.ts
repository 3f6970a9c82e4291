/** What the scorer is asked about a request. */
import type { ChatRequest } from './chat';

/**
 * The body of `POST /v1/route`, and the same fields of `POST /v1/admit`: the cache knows a request by
 * them, so that both must send the same.
 */
export function routeRequest(item: ChatRequest) {
	const { request_id, key_id, dialect, messages, system, model, max_tokens, temperature, stop } = item;
	const { privacy, cache, allowed_models } = item;
	return {
		...{ request_id, key_id, dialect, messages, system, model, max_tokens, temperature, stop },
		...{ privacy, cache, allowed_models },
		stream: false,
		needs: {},
	};
}
