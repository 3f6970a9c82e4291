/** What the scorer is told of a request: its words, what it needs, and all that its answer depends on. */
import { createHash } from 'node:crypto';

import type { IDataObject } from 'n8n-workflow';

import type { Block, ChatRequest, Message } from './chat';
import { blocksOf, isToolResult, isToolUse } from './chat';
import { beyondLocal } from './models/ollama';

/**
 * The body of `POST /v1/route` and of `POST /v1/tokens`, and the same fields of `POST /v1/admit`: the cache
 * knows a request by them, so that all must send the same.
 */
export function routeRequest(item: ChatRequest): IDataObject {
	const { request_id, key_id, dialect, system, model, max_tokens, temperature, stop, stream } = item;
	const { privacy, cache, allowed_models, tools, tool_choice, json, extras, betas } = item;
	// The words of the system text are told apart.
	const more = Object.fromEntries(Object.entries(extras).filter(([field]) => field !== 'system'));
	return {
		...{ request_id, key_id, dialect, system, model, temperature, stop, stream, privacy, allowed_models },
		// What only fills the provider's cache has no answer to keep.
		cache: max_tokens === 0 ? 'off' : cache,
		messages: item.messages.map(forScorer) as unknown as IDataObject[],
		// What is not there is left out: it makes no other request.
		max_tokens: max_tokens || undefined,
		tools: tools.length > 0 ? tools : undefined,
		tool_choice: tool_choice ?? undefined,
		json: json ?? undefined,
		extras: Object.keys(more).length > 0 ? more : undefined,
		betas: betas ?? undefined,
		needs: needs(item),
		cloud_only: beyondLocal(item),
	};
}

function needs({ messages, tools, json }: ChatRequest): { tools: boolean; json: boolean } {
	const calls = messages.some(({ content }) => blocksOf(content).some((block) => isToolUse(block) || isToolResult(block)));
	// The scorer sees the images itself.
	return { tools: tools.length > 0 || calls, json: json !== null };
}

function forScorer({ role, content }: Message): Message {
	return { role, content: Array.isArray(content) ? content.map(withoutData) : content };
}

/** A block with the hash of its data for the data: the scorer needs to know it again, and not to read it. */
function withoutData(block: Block): Block {
	if (isToolResult(block) && Array.isArray(block.content)) return { ...block, content: block.content.map(withoutData) };
	const { data, ...source } = (block.source ?? {}) as { data?: unknown };
	if (typeof data !== 'string' || (source as { type?: string }).type !== 'base64') return block;
	const sha256 = createHash('sha256').update(data).digest('hex');
	return { ...block, source: { ...source, sha256, bytes: Math.floor((data.length * 3) / 4) } };
}
