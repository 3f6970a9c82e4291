/** What a chat dialect is: how it asks, how it is answered, how it is told of a failure. */
import type { IDataObject } from 'n8n-workflow';

import type { Block, ChatItem, ChatRequest, Failure, Message, Try } from '../chat';
import { blocksOf, isToolResult } from '../chat';
import type { Body } from '../fields';
import { bad, checkUnicode } from '../fields';
import { Refusal } from '../refusal';

/** Characters of a prompt of the native dialect, system text included. */
export const MAX_PROMPT_CHARACTERS = 100_000;
/** Characters of all texts of a conversation: more than the widest context window takes. */
export const MAX_CONVERSATION_CHARACTERS = 5_000_000;

/** What a dialect reads from the body; the rest of a ChatRequest comes from the headers and the key. */
export type Asked = Omit<
	ChatRequest,
	'request_id' | 'key_id' | 'dialect' | 'betas' | 'privacy' | 'cache' | 'allowed_models' | 'received_at'
> & { privacy?: ChatRequest['privacy'] };

export interface DialectFormat {
	/** Reads a body; throws Refusal. */
	parse(body: Body): Asked;
	/** The document for an answered request. */
	answer(item: ChatItem): IDataObject;
	/** The document for a request that was refused or failed, after `tries`. */
	failure(failure: Failure & { field?: string | null }, tries?: Try[], requestId?: string): IDataObject;
	/** The status for it: SDKs make an exception of their own of it. */
	status(failure: Failure): number;
}

/** The status where callers expect the one that the provider's own API has. */
export function providerStatus({ status, code }: Failure): number {
	if (code === 'unknown_model' || code === 'model_retired') return 404;
	// The provider's limit, which the caller can do no more about than wait.
	return code === 'model_overloaded' ? 429 : status;
}

/** Refuses a conversation that is empty, too long or broken Unicode. */
export function checkConversation(messages: Message[], system: string | null, field: string, limit = MAX_CONVERSATION_CHARACTERS): void {
	if (!messages.some((message) => message.role === 'user' && saysSomething(message))) throw bad(field, 'must not be empty');
	checkUnicode(system ?? '', 'system');
	const texts = messages.flatMap((message) => blocksOf(message.content).flatMap(textsOf));
	for (const text of texts) checkUnicode(text, field);
	const characters = texts.reduce((sum, text) => sum + text.length, system?.length ?? 0);
	if (characters > limit) {
		const most = limit.toLocaleString('en-US');
		throw new Refusal(413, 'prompt_too_long', `${field}: ${characters.toLocaleString('en-US')} characters are over the limit of ${most}`, field);
	}
}

function saysSomething({ content }: Message): boolean {
	return blocksOf(content).some((block) => block.type !== 'text' || String(block.text).trim() !== '');
}

/** All texts in a block that are words, and not the data of an image or a document. */
function textsOf(block: Block): string[] {
	if (block.type === 'text') return [String(block.text)];
	return isToolResult(block) ? blocksOf(block.content).flatMap(textsOf) : [];
}
