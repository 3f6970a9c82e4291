/** OpenAI's messages in the neutral form: system texts apart, calls of tools and their results as blocks. */
import type { IDataObject } from 'n8n-workflow';

import type { Block, ImageBlock, Message, ToolResultBlock, ToolUseBlock } from '../chat';
import type { Body } from '../fields';
import { bad, list, object, text } from '../fields';
import { Refusal } from '../refusal';

const ROLES = ['system', 'developer', 'user', 'assistant', 'tool'];

export function readConversation(given: unknown): { messages: Message[]; system: string | null } {
	if (given === undefined) throw bad('messages', 'is required');
	const messages: Message[] = [];
	const system: string[] = [];
	const open = new Set<string>();
	for (const [index, one] of list(given, 'messages').entries()) {
		const field = `messages[${index}]`;
		const message = object(one, field);
		if (!ROLES.includes(message.role as string)) throw bad(`${field}.role`, 'must be system, developer, user, assistant or tool');
		refuseMore(message, field);
		if (message.role === 'user') messages.push({ role: 'user', content: userContent(message.content, `${field}.content`) });
		else if (message.role === 'assistant') messages.push(assistantMessage(message, field, open));
		else if (message.role === 'tool') addResult(messages, toolResult(message, field, open));
		else system.push(plainText(message.content, `${field}.content`));
	}
	return { messages, system: system.join('\n\n') || null };
}

const TAKEN: Record<string, string[]> = { assistant: ['tool_calls', 'refusal'], tool: ['tool_call_id'] };

/** SDKs send an answer back with all its fields; those that are empty change nothing. */
function refuseMore(message: Body, field: string): void {
	const known = ['role', 'content', ...(TAKEN[message.role as string] ?? [])];
	for (const [name, value] of Object.entries(message)) {
		if (known.includes(name) || value === null || (Array.isArray(value) && value.length === 0)) continue;
		const where = `${field}.${name.slice(0, 100)}`;
		throw new Refusal(400, 'unsupported_parameter', `${where}: this parameter is not supported here`, where);
	}
}

function userContent(content: unknown, field: string): string | Block[] {
	if (typeof content === 'string') return content;
	if (!Array.isArray(content)) throw bad(field, 'must be a string or a list of parts');
	const blocks = content.map((part: unknown, index) => userPart(object(part, `${field}[${index}]`), `${field}[${index}]`));
	// Texts alone are one text: no model is told of their seams, and the same words make the same request.
	return blocks.every((block) => block.type === 'text') ? blocks.map((block) => block.text as string).join('') : blocks;
}

function userPart(part: Body, field: string): Block {
	if (part.type === 'text') return { type: 'text', text: partText(part, field) };
	if (part.type === 'image_url') return image(object(part.image_url, `${field}.image_url`), `${field}.image_url.url`);
	throw unsupported(field, 'only text and image_url parts are supported here');
}

const DATA_URL = /^data:(image\/(?:jpeg|png|gif|webp));base64,([A-Za-z0-9+/]+={0,2})$/;

function image({ url }: Body, field: string): ImageBlock {
	const address = text(url, field);
	if (/^https?:\/\//i.test(address)) return { type: 'image', source: { type: 'url', url: address } };
	const [, media_type, data] = DATA_URL.exec(address) ?? [];
	if (!media_type || !data) throw bad(field, 'must be an http address, or a data: URL of a JPEG, PNG, GIF or WebP in base64');
	return { type: 'image', source: { type: 'base64', media_type, data } };
}

function assistantMessage(message: Body, field: string, open: Set<string>): Message {
	const { content, refusal, tool_calls } = message;
	const said = content === null || content === undefined ? '' : plainText(content, `${field}.content`);
	const words = said || (typeof refusal === 'string' ? refusal : '');
	const calls = tool_calls === null || tool_calls === undefined ? [] : list(tool_calls, `${field}.tool_calls`);
	if (calls.length === 0) return { role: 'assistant', content: words };
	const uses = calls.map((call, index) => toolUse(call, `${field}.tool_calls[${index}]`));
	for (const { id } of uses) open.add(id);
	return { role: 'assistant', content: [...(words ? [{ type: 'text', text: words }] : []), ...uses] };
}

function toolUse(given: unknown, field: string): ToolUseBlock {
	const { id, type, function: called } = object(given, field);
	if ((type ?? 'function') !== 'function') throw unsupported(`${field}.type`, 'only calls of functions are supported here');
	const { name, arguments: input } = object(called, `${field}.function`);
	const where = `${field}.function`;
	return { type: 'tool_use', id: text(id, `${field}.id`), name: text(name, `${where}.name`), input: readArguments(input, `${where}.arguments`) };
}

function readArguments(given: unknown, field: string): IDataObject {
	if (given === '') return {};
	try {
		return object(JSON.parse(given as string), field) as IDataObject;
	} catch {
		throw bad(field, 'must be a JSON object in a string');
	}
}

function toolResult(message: Body, field: string, open: Set<string>): ToolResultBlock {
	const id = text(message.tool_call_id, `${field}.tool_call_id`);
	if (!open.has(id)) throw bad(`${field}.tool_call_id`, 'is the id of no tool call before it');
	return { type: 'tool_result', tool_use_id: id, content: plainText(message.content, `${field}.content`) };
}

/** Anthropic's API wants all results of one turn in one message. */
function addResult(messages: Message[], result: ToolResultBlock): void {
	const last = messages.at(-1);
	const holdsResults = last?.role === 'user' && Array.isArray(last.content) && last.content.at(-1)?.type === 'tool_result';
	if (holdsResults) (last.content as Block[]).push(result);
	else messages.push({ role: 'user', content: [result] });
}

function plainText(content: unknown, field: string): string {
	if (typeof content === 'string') return content;
	if (!Array.isArray(content)) throw bad(field, 'must be a string or a list of text parts');
	return content
		.map((given: unknown, index) => {
			const part = object(given, `${field}[${index}]`);
			if (part.type === 'refusal' && typeof part.refusal === 'string') return part.refusal;
			if (part.type !== 'text') throw unsupported(`${field}[${index}]`, 'only text parts are supported here');
			return partText(part, `${field}[${index}]`);
		})
		.join('');
}

function partText(part: Body, field: string): string {
	if (typeof part.text !== 'string') throw bad(`${field}.text`, 'must be a string');
	return part.text;
}

function unsupported(field: string, problem: string): Refusal {
	return new Refusal(400, 'unsupported_content', `${field}: ${problem}`, field);
}
