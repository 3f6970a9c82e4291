/** What a chat dialect is: how it asks, how it is answered, how it is told of a failure. */
import type { IDataObject } from 'n8n-workflow';

import type { ChatItem, ChatRequest, Failure, Message, Try } from '../chat';
import type { Body } from '../fields';
import { bad, checkUnicode } from '../fields';
import { Refusal } from '../refusal';

/** Characters of a whole prompt, system text and earlier turns included. */
export const MAX_PROMPT_CHARACTERS = 100_000;

/** What a dialect reads from the body; the rest of a ChatRequest comes from the headers and the key. */
export type Asked = Pick<
	ChatRequest,
	'model' | 'messages' | 'system' | 'max_tokens' | 'temperature' | 'stop' | 'stream' | 'include_usage' | 'user' | 'tags'
> & { privacy?: ChatRequest['privacy'] };

export interface DialectFormat {
	/** Reads a body; throws Refusal. */
	parse(body: Body): Asked;
	/** The document for an answered request. */
	answer(item: ChatItem): IDataObject;
	/** The document for a request that was refused or failed, after `tries`. */
	failure(failure: Failure & { field?: string | null }, tries?: Try[]): IDataObject;
}

/** Refuses a conversation that is empty, too long or broken Unicode. */
export function checkConversation(messages: Message[], system: string | null, field: string): void {
	if (!messages.some((message) => message.role === 'user' && message.content.trim() !== '')) {
		throw bad(field, 'must not be empty');
	}
	checkUnicode(system ?? '', 'system');
	for (const message of messages) checkUnicode(message.content, field);
	const characters = messages.reduce((sum, message) => sum + message.content.length, system?.length ?? 0);
	if (characters > MAX_PROMPT_CHARACTERS) {
		const limit = MAX_PROMPT_CHARACTERS.toLocaleString('en-US');
		throw new Refusal(413, 'prompt_too_long', `${field}: ${characters.toLocaleString('en-US')} characters are over the limit of ${limit}`, field);
	}
}
