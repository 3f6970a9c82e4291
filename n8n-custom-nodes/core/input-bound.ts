/** The most tokens that what Claude is sent can have: what a reservation must cover. */
import type { Block, Message } from './chat';
import { blocksOf, isText, isToolResult } from './chat';
import type { ClaudeBody } from './models/claude';

/** What a message or a block costs beside its text (role, separators), with room to spare. */
const MESSAGE_TOKENS = 32;
/**
 * An image has width x height / 750 tokens once it is scaled down: at most about 1,640 at 1,568 pixels on the
 * long edge, and 4,784 for the models that take 2,576.
 */
const IMAGE_TOKENS = 5_000;
/** What the API tells a model about tools, and about the form of its answer, beside what the caller wrote. */
const TOOLS_TOKENS = 2_000;
const FORMAT_TOKENS = 1_000;

/** Fields that are settings and no words for the model. */
const SETTINGS = new Set([
	'model', 'max_tokens', 'stop_sequences', 'stream', 'temperature', 'top_k', 'top_p', 'metadata', 'service_tier', 'thinking',
	'tool_choice', 'cache_control', 'inference_geo', 'speed', 'diagnostics', 'user_profile_id',
]);

/**
 * More tokens than the model can be given. A tokeniser that works on bytes makes no token of less than one;
 * Claude's brings the text into Unicode's compatibility form first, which can be longer. What brings in
 * words that are not in the request (a PDF, a file, a tool that the provider runs) may fill `window`.
 */
export function mostInputTokens(asked: Pick<ClaudeBody, 'messages'> & Partial<ClaudeBody>, window = Infinity): number {
	if (window !== Infinity && bringsMore(asked)) return window;
	const { system, messages, tools = [], output_config, ...rest } = asked;
	const more = Object.entries(rest).filter(([field, value]) => !SETTINGS.has(field) && value !== undefined && value !== null);
	return (
		contentBound(system ?? '') +
		messages.reduce((sum, { content }) => sum + contentBound(content), 0) +
		(tools.length > 0 ? TOOLS_TOKENS : 0) +
		tools.reduce((sum, tool) => sum + jsonBound(tool), 0) +
		(output_config ? FORMAT_TOKENS + jsonBound(output_config) : 0) +
		more.reduce((sum, [, value]) => sum + jsonBound(value), 0)
	);
}

function contentBound(content: Message['content']): number {
	const blocks = blocksOf(content);
	return Math.max(blocks.length, 1) * MESSAGE_TOKENS + blocks.reduce((sum, block) => sum + blockBound(block), 0);
}

function blockBound(block: Block): number {
	if (isText(block) && Object.keys(block).length <= 2) return mostBytes(block.text);
	if (block.type === 'image') return IMAGE_TOKENS;
	if (isToolResult(block)) return mostBytes(block.tool_use_id) + contentBound(block.content ?? '');
	const { type, content } = sourceOf(block);
	if (type !== 'content') return jsonBound(block);
	return jsonBound({ ...block, source: null }) + contentBound(content ?? '');
}

function jsonBound(value: unknown): number {
	return mostBytes(JSON.stringify(value) ?? '') + MESSAGE_TOKENS;
}

function mostBytes(text: string): number {
	const bytes = Buffer.byteLength(text);
	const isAscii = bytes === text.length;
	return isAscii ? bytes : Math.max(bytes, Buffer.byteLength(text.normalize('NFKC')));
}

/** Fields by which the provider adds what is not in the request. */
const ADDING_FIELDS = ['container', 'mcp_servers'];

function bringsMore(asked: Partial<ClaudeBody>): boolean {
	if (ADDING_FIELDS.some((field) => asked[field])) return true;
	if (asked.tools?.some(({ type }) => (type ?? 'custom') !== 'custom')) return true;
	return (asked.messages ?? []).some(({ content }) => blocksOf(content).some(isOpenEnded));
}

/** A PDF's pages are read as images and text, packed: its bytes say little of its tokens. */
function isOpenEnded(block: Block): boolean {
	if (isToolResult(block)) return blocksOf(block.content).some(isOpenEnded);
	const { type } = sourceOf(block);
	if (block.type === 'image') return false;
	return type !== undefined && type !== 'text' && type !== 'content';
}

function sourceOf(block: Block): { type?: string; content?: Message['content'] } {
	return (block.source ?? {}) as { type?: string; content?: Message['content'] };
}

/** The lifetimes of the cache writes that the request asks for. */
export function cacheTtls(asked: Partial<ClaudeBody>): Set<string> {
	const ttls = new Set<string>();
	const note = (holder: unknown) => {
		const control = (holder as { cache_control?: { ttl?: string } | null } | undefined)?.cache_control;
		if (control) ttls.add(control.ttl ?? '5m');
	};
	const noteBlocks = (content: Message['content'] | undefined) => {
		for (const block of Array.isArray(content) ? content : []) {
			note(block);
			if (isToolResult(block)) noteBlocks(block.content);
		}
	};
	note(asked);
	asked.tools?.forEach(note);
	noteBlocks(asked.system);
	asked.messages?.forEach(({ content }) => noteBlocks(content));
	return ttls;
}
