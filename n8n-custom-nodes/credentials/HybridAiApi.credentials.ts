import type {
	IAuthenticateGeneric,
	Icon,
	ICredentialTestRequest,
	ICredentialType,
	INodeProperties,
} from 'n8n-workflow';

export class HybridAiApi implements ICredentialType {
	name = 'hybridAiApi';

	displayName = 'Hybrid AI API';

	icon: Icon = { light: 'file:hybridAi.svg', dark: 'file:hybridAi.dark.svg' };

	documentationUrl = 'https://github.com/hybrid-ai-stack/hybrid-ai-stack#readme';

	properties: INodeProperties[] = [
		{
			displayName: 'Service Token',
			name: 'serviceToken',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			description: 'The shared secret of the stack (SERVICE_TOKEN)',
		},
		{
			displayName: 'Scorer URL',
			name: 'scorerUrl',
			type: 'string',
			default: 'http://127.0.0.1:8101',
			required: true,
			description: 'The service that says how hard a prompt is and where it goes',
		},
		{
			displayName: 'Cost Ledger URL',
			name: 'ledgerUrl',
			type: 'string',
			default: 'http://127.0.0.1:8102',
			required: true,
			description: 'The service that keeps API keys, prices and costs',
		},
		{
			displayName: 'Ollama URL',
			name: 'ollamaUrl',
			type: 'string',
			default: 'http://127.0.0.1:11434',
			required: true,
			description: 'Where the local models answer',
		},
		{
			displayName: 'Anthropic URL',
			name: 'anthropicUrl',
			type: 'string',
			default: 'https://api.anthropic.com',
			required: true,
			description: 'Where Claude answers',
		},
		{
			displayName: 'Anthropic API Key',
			name: 'anthropicApiKey',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			description: 'Leave it empty to stay with local models',
		},
	];

	authenticate: IAuthenticateGeneric = {
		type: 'generic',
		properties: { headers: { Authorization: '=Bearer {{$credentials.serviceToken}}' } },
	};

	test: ICredentialTestRequest = {
		request: { baseURL: '={{$credentials.ledgerUrl}}', url: '/v1/keys/active' },
	};
}
