/** The stack's own services and where they are: read from the one credential. */
import type { ICredentialDataDecryptedObject, IDataObject, INode } from 'n8n-workflow';

import type { JsonResponse } from './transport';
import { requestJson } from './transport';

export const CREDENTIAL = 'hybridAiApi';

export interface Stack {
	scorerUrl: string;
	ledgerUrl: string;
	serviceToken: string;
	ollamaUrl: string;
	anthropicUrl: string;
	anthropicApiKey: string;
}

interface CredentialReader {
	getNode(): INode;
	getCredentials(type: string): Promise<ICredentialDataDecryptedObject>;
}

// n8n reads and decrypts a credential anew at every call: a database query and a tenth of the CPU of a
// chat request. A changed credential holds after this time.
const FRESH_MS = 10_000;
const kept = new Map<string, { stack: Promise<Stack>; until: number }>();

/** The addresses and secrets that the node's credential holds, without trailing slashes. */
export async function readStack(node: CredentialReader): Promise<Stack> {
	const id = node.getNode().credentials?.[CREDENTIAL]?.id;
	if (!id) return toStack(await node.getCredentials(CREDENTIAL));
	const known = kept.get(id);
	if (known && known.until > Date.now()) return await known.stack;
	const stack = node.getCredentials(CREDENTIAL).then(toStack);
	kept.set(id, { stack, until: Date.now() + FRESH_MS });
	stack.catch(() => kept.delete(id));
	return await stack;
}

function toStack(data: ICredentialDataDecryptedObject): Stack {
	const url = (name: string) => String(data[name] ?? '').replace(/\/+$/, '');
	return {
		scorerUrl: url('scorerUrl'),
		ledgerUrl: url('ledgerUrl'),
		ollamaUrl: url('ollamaUrl'),
		anthropicUrl: url('anthropicUrl'),
		serviceToken: String(data.serviceToken ?? ''),
		anthropicApiKey: String(data.anthropicApiKey ?? ''),
	};
}

export interface ServiceCall {
	body?: unknown;
	requestId?: string;
	/** Milliseconds. */
	timeout: number;
}

/** Calls one of the stack's services with the service token; rejects with TransportError. */
export async function callService(stack: Stack, url: string, call: ServiceCall): Promise<JsonResponse> {
	const headers: Record<string, string> = { authorization: `Bearer ${stack.serviceToken}` };
	if (call.requestId) headers['x-request-id'] = call.requestId;
	return await requestJson(url, { headers, body: call.body, timeout: call.timeout });
}

/** The message of a service's error document, or a sentence on its status. */
export function serviceMessage(response: { status: number; body: IDataObject }): string {
	const error = response.body.error as { message?: string } | undefined;
	return error?.message ?? `answered with status ${response.status}`;
}
