package elebne

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// WebhookEndpoint is where Elebne sends webhooks. A business has at most 5.
// Source: https://docs.staging.elebne.ai/en/docs/getting-started/webhooks.
type WebhookEndpoint struct {
	ID     string      `json:"id"`
	URL    string      `json:"url"`
	Events []EventType `json:"events"`
	// Secret signs the deliveries: 64 hexadecimal characters, for WebhookConfig.Secrets. It is documented of a new endpoint only.
	Secret payonce.Secret `json:"secret"`
	Active bool           `json:"active"`
}

// CreateEndpointParams asks for a new webhook endpoint.
type CreateEndpointParams struct {
	// Reference is the merchant's own id of the endpoint. Required.
	Reference string
	// URL is where to send. Required.
	URL string
	// Events are what to send. Required.
	Events []EventType
	// NotAfter: not made for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// UpdateEndpointParams asks to change a webhook endpoint. The body is not documented: it is assumed to have the fields of the endpoint,
// and what is left out to stay.
type UpdateEndpointParams struct {
	// Reference is the merchant's own id of this change. Required; the next change of the endpoint needs another one.
	Reference string
	// EndpointID is Elebne's id. Required.
	EndpointID string
	// URL, Events and Active are the changes: at least one.
	URL    string
	Events []EventType
	Active *bool
	// NotAfter: not changed for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// EndpointParams names an endpoint, to delete it or to have a test sent to it.
type EndpointParams struct {
	// Reference is the merchant's own id of this deletion or test. Required.
	Reference string
	// EndpointID is Elebne's id. Required.
	EndpointID string
	// NotAfter: not done for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

type wireEndpoint struct {
	URL    string      `json:"url,omitempty"`
	Events []EventType `json:"events,omitempty"`
	Active *bool       `json:"active,omitempty"`
}

func (d *dialect) createEndpoint(params CreateEndpointParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.Require("URL", params.URL)
	if len(params.Events) == 0 {
		p.Require("Events", "")
	}
	body := wireEndpoint{URL: params.URL, Events: params.Events}
	body.check(&p)
	return d.write(&p, payonce.Operation{Kind: kindCreateEndpoint, Reference: params.Reference, Path: endpoints, Body: body, NotAfter: params.NotAfter})
}

func (d *dialect) updateEndpoint(params UpdateEndpointParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.PathID("EndpointID", params.EndpointID)
	body := wireEndpoint{params.URL, params.Events, params.Active}
	if body.URL == "" && len(body.Events) == 0 && body.Active == nil {
		p.Add("URL", "is required, or Events, or Active")
	}
	body.check(&p)
	return d.write(&p, payonce.Operation{
		Kind: kindUpdateEndpoint, Reference: params.Reference, Method: http.MethodPut, Path: under(endpoints, params.EndpointID, ""),
		Body: body, NotAfter: params.NotAfter,
	})
}

// deleteEndpoint and testEndpoint take a 2xx without a body for whole: neither answer is documented.
func (d *dialect) deleteEndpoint(params EndpointParams) (payonce.Operation, error) {
	return d.onEndpoint(kindDeleteEndpoint, http.MethodDelete, "", params)
}

func (d *dialect) testEndpoint(params EndpointParams) (payonce.Operation, error) {
	return d.onEndpoint(kindTestEndpoint, http.MethodPost, "/test", params)
}

func (d *dialect) onEndpoint(kind, method, action string, params EndpointParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.PathID("EndpointID", params.EndpointID)
	return d.write(&p, payonce.Operation{
		Kind: kind, Reference: params.Reference, Method: method, Path: under(endpoints, params.EndpointID, action),
		EmptyOK: true, NotAfter: params.NotAfter,
	})
}

func (w *wireEndpoint) check(p *adapter.Problems) {
	if u, err := url.Parse(w.URL); w.URL != "" && (err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http")) {
		p.Add("URL", "is not a URL such as https://shop.example/webhooks")
	}
	if slices.Contains(w.Events, "") {
		p.Add("Events", "has an empty name")
	}
}
