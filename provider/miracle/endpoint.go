package miracle

import (
	"cmp"
	"context"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// WebhookEndpoint is an address that Miracle delivers events to.
// Source: https://docs.gate.miracleapi.ai/reference/merchant/webhooks/WebhookEndpointController_findById.
type WebhookEndpoint struct {
	ID        string `json:"id"`
	OwnerType string `json:"ownerType,omitempty"`
	OwnerID   string `json:"ownerId,omitempty"`
	TenantID  string `json:"tenantId,omitempty"`
	URL       string `json:"url"`
	// Description is the merchant's own.
	Description string `json:"description,omitempty"`
	// Events are exact types, "payment.*" or "*".
	Events []string `json:"events"`
	// Secret verifies deliveries (WebhookConfig.Secrets). Only the answer to WebhookEndpoints.Create has it.
	Secret payonce.Secret `json:"secret,omitempty"`
	// Status is "active" in the documentation's sample.
	Status    string    `json:"status,omitempty"`
	CreatedAt Timestamp `json:"createdAt,omitzero"`
	UpdatedAt Timestamp `json:"updatedAt,omitzero"`
	// DeletedAt is set once the endpoint is deleted: the record stays.
	DeletedAt Timestamp `json:"deletedAt,omitzero"`
}

// UnmarshalJSON reads an endpoint, also in its envelope.
func (e *WebhookEndpoint) UnmarshalJSON(body []byte) error {
	type plain WebhookEndpoint
	var wire plain
	if err := decode(body, &wire); err != nil {
		return err
	}
	*e = WebhookEndpoint(wire)
	return nil
}

// RotatedSecret is an endpoint's new secret. The old one stopped working when it was made.
type RotatedSecret struct {
	Secret payonce.Secret `json:"secret"`
}

// UnmarshalJSON reads a secret, also in its envelope.
func (s *RotatedSecret) UnmarshalJSON(body []byte) error {
	type plain RotatedSecret
	return decode(body, (*plain)(s))
}

// WebhookEndpointParams asks for a webhook endpoint.
type WebhookEndpointParams struct {
	// Reference is the merchant's own id of the endpoint. Required.
	Reference string
	// URL is where to deliver; https. Required.
	URL string
	// Events are exact types, "payment.*" or "*". Required.
	Events []string
	// Description is the merchant's own.
	Description string
	// NotAfter: not made for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// WebhookEndpointChange names an endpoint that is to be deleted, or to get a new secret.
type WebhookEndpointChange struct {
	// EndpointID is Miracle's id. Required.
	EndpointID string
	// Reference names this change. Required for RotateSecret: under the same one the first rotation's secret is returned and nothing is
	// rotated. Of a deletion it defaults to EndpointID.
	Reference string
	// NotAfter: not done for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

const endpoints = "/v1/webhooks/endpoints/"

// createEndpoint encodes POST /v1/webhooks/endpoints. The guide shows it without a key; the rule that every write has one is followed.
func createEndpoint(params *WebhookEndpointParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.Require("Reference", params.Reference)
	if u, err := url.Parse(params.URL); err != nil || u.Scheme != "https" || u.Host == "" {
		p.Add("URL", "must be an https URL")
	}
	if len(params.Events) == 0 {
		p.Add("Events", "is required: exact types, payment.* or *")
	}
	type wireEndpoint struct {
		URL         string   `json:"url"`
		Events      []string `json:"events"`
		Description string   `json:"description,omitempty"`
	}
	return payonce.Operation{
		Kind: kindCreateEndpoint, Reference: params.Reference, Path: strings.TrimSuffix(endpoints, "/"), NotAfter: params.NotAfter,
		Body: wireEndpoint{params.URL, params.Events, params.Description},
	}, p.Err()
}

// deleteEndpoint encodes DELETE /v1/webhooks/endpoints/{id}. What it answers is not documented; assumed anything, or nothing.
func deleteEndpoint(params *WebhookEndpointChange) (payonce.Operation, error) {
	var p adapter.Problems
	op := changeEndpoint(&p, kindDeleteEndpoint, "", params)
	op.Reference = cmp.Or(params.Reference, params.EndpointID)
	op.Method, op.Replay, op.EmptyOK = http.MethodDelete, payonce.ReplayByState, true
	return op, p.Err()
}

// rotateSecret encodes POST /v1/webhooks/endpoints/{id}/rotate-secret, which has no body. Only the same key brings a lost answer, and
// with it the secret, back. No reference is made up: the second rotation, after a leak, must not be answered with the first one's secret.
func rotateSecret(params *WebhookEndpointChange) (payonce.Operation, error) {
	var p adapter.Problems
	p.Require("Reference", params.Reference)
	op := changeEndpoint(&p, kindRotateSecret, "/rotate-secret", params)
	return op, p.Err()
}

func changeEndpoint(p *adapter.Problems, kind, action string, params *WebhookEndpointChange) payonce.Operation {
	p.PathID("EndpointID", params.EndpointID)
	return payonce.Operation{
		Kind: kind, Reference: params.Reference, Path: endpoints + adapter.Element(params.EndpointID) + action, NotAfter: params.NotAfter,
	}
}

// WebhookEndpointService sets up where Miracle delivers events.
type WebhookEndpointService struct{ s service }

// Create makes an endpoint once. Its Secret is in this answer only.
// Source: https://docs.gate.miracleapi.ai/reference/merchant/webhooks/WebhookEndpointController_create.
func (s *WebhookEndpointService) Create(ctx context.Context, params WebhookEndpointParams, opts ...payonce.CallOption) (*payonce.Result[WebhookEndpoint], error) {
	op, err := createEndpoint(&params)
	return adapter.Do[WebhookEndpoint](ctx, s.s.Service, op, err, opts)
}

// List yields the endpoints, without their secrets. An error is the last it yields.
// Source: https://docs.gate.miracleapi.ai/reference/merchant/webhooks/WebhookEndpointController_list.
func (s *WebhookEndpointService) List(ctx context.Context) iter.Seq2[WebhookEndpoint, error] {
	return list[WebhookEndpoint](ctx, s.s, listEndpoints)
}

func listEndpoints(cursor string) payonce.Query {
	return payonce.Query{Kind: kindListEndpoints, Path: strings.TrimSuffix(endpoints, "/") + queryOf(map[string][]string{"cursor": {cursor}})}
}

// Get reads an endpoint, without its secret.
// Source: https://docs.gate.miracleapi.ai/reference/merchant/webhooks/WebhookEndpointController_findById.
func (s *WebhookEndpointService) Get(ctx context.Context, id string) (*payonce.Result[WebhookEndpoint], error) {
	return adapter.Get[WebhookEndpoint](ctx, s.s.Service, payonce.Query{Kind: kindGetEndpoint, Path: endpoints + adapter.Element(id)}, id)
}

// Delete ends deliveries to an endpoint at once.
// Source: https://docs.gate.miracleapi.ai/reference/merchant/webhooks/WebhookEndpointController_list.
func (s *WebhookEndpointService) Delete(ctx context.Context, params WebhookEndpointChange, opts ...payonce.CallOption) (*payonce.Result[payonce.Raw], error) {
	op, err := deleteEndpoint(&params)
	return adapter.Do[payonce.Raw](ctx, s.s.Service, op, err, opts)
}

// RotateSecret gives an endpoint a new secret, once for each Reference, which is required. The old one dies at once, so deliveries that are signed with the new one fail
// until the handler knows it; Miracle delivers them again.
// Source: https://docs.gate.miracleapi.ai/reference/merchant/webhooks/WebhookEndpointController_rotateSecret.
func (s *WebhookEndpointService) RotateSecret(ctx context.Context, params WebhookEndpointChange, opts ...payonce.CallOption) (*payonce.Result[RotatedSecret], error) {
	op, err := rotateSecret(&params)
	return adapter.Do[RotatedSecret](ctx, s.s.Service, op, err, opts)
}
