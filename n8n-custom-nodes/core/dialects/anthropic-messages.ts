/** The Messages API's messages and tools, which are the neutral form: checked where a node here reads them. */
import type { Block, Message, Tool } from '../chat';
import type { Body } from '../fields';
import { bad, list, object, text } from '../fields';

export function readMessages(given: unknown): Message[] {
	return list(given, 'messages').map((one, index) => {
		const field = `messages[${index}]`;
		const { role, content } = object(one, field);
		if (role !== 'user' && role !== 'assistant' && role !== 'system') throw bad(`${field}.role`, 'must be user, assistant or system');
		return { role, content: readContent(content, `${field}.content`) };
	});
}

/** The words of the system text, whatever its shape. */
export function readSystem(given: unknown): string | null {
	if (given === undefined || given === null || given === '') return null;
	const content = readContent(given, 'system');
	if (typeof content === 'string') return content;
	if (content.some(({ type }) => type !== 'text')) throw bad('system', 'must be a string or a list of text blocks');
	return content.map((block) => block.text).join('\n\n') || null;
}

export function readTools(given: unknown): Tool[] {
	if (given === undefined || given === null) return [];
	return list(given, 'tools').map((one, index) => {
		const field = `tools[${index}]`;
		const tool = object(one, field);
		const type = tool.type ?? 'custom';
		if (typeof type !== 'string') throw bad(`${field}.type`, 'must be a string');
		// A tool of the provider's own has fields of its own.
		if (type === 'custom') {
			text(tool.name, `${field}.name`);
			object(tool.input_schema, `${field}.input_schema`);
		}
		return tool as unknown as Tool;
	});
}

function readContent(content: unknown, field: string): string | Block[] {
	if (typeof content === 'string') return content;
	if (!Array.isArray(content)) throw bad(field, 'must be a string or a list of blocks');
	return content.map((one: unknown, index) => readBlock(one, `${field}[${index}]`));
}

function readBlock(given: unknown, field: string): Block {
	const block = object(given, field);
	text(block.type, `${field}.type`);
	CHECKS[block.type as string]?.(block, field);
	return block as unknown as Block;
}

const CHECKS: Record<string, (block: Body, field: string) => void> = {
	text: (block, field) => {
		if (typeof block.text !== 'string') throw bad(`${field}.text`, 'must be a string');
	},
	image: ({ source }, field) => {
		const { type, data, media_type, url } = object(source, `${field}.source`);
		text(type, `${field}.source.type`);
		if (type === 'base64') {
			text(data, `${field}.source.data`);
			text(media_type, `${field}.source.media_type`);
		}
		if (type === 'url') text(url, `${field}.source.url`);
	},
	document: ({ source }, field) => void object(source, `${field}.source`),
	tool_use: ({ id, name, input }, field) => {
		text(id, `${field}.id`);
		text(name, `${field}.name`);
		object(input, `${field}.input`);
	},
	tool_result: ({ tool_use_id, content }, field) => {
		text(tool_use_id, `${field}.tool_use_id`);
		if (content !== undefined) readContent(content, `${field}.content`);
	},
};
