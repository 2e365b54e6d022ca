package elebne

import (
	"encoding/json"

	"github.com/payonce/payonce"
)

// TemplateIn reads the answer to ProductService.CSVTemplate.
func TemplateIn(body []byte) (CSVTemplate, error) {
	var e envelope[CSVTemplate]
	err := json.Unmarshal(body, &e)
	return e.data, err
}

// Operations of the native services, without a client.
var (
	RefundOperation = func(p *Provider) func(RefundParams) (payonce.Operation, error) { return p.d.refund }
	Simulate        = func(p *Provider) func(SimulateParams) (payonce.Operation, error) { return p.d.simulatePayment }
	CreateProduct   = func(p *Provider) func(CreateProductParams) (payonce.Operation, error) { return p.d.createProduct }
	UpdateProduct   = func(p *Provider) func(UpdateProductParams) (payonce.Operation, error) { return p.d.updateProduct }
	DeleteProduct   = func(p *Provider) func(DeleteProductParams) (payonce.Operation, error) { return p.d.deleteProduct }
	SetStock        = func(p *Provider) func(StockParams) (payonce.Operation, error) { return p.d.setStock }
	SetVariantStock = func(p *Provider) func(VariantStockParams) (payonce.Operation, error) { return p.d.setVariantStock }
	ImportCSV       = func(p *Provider) func(ImportParams) (payonce.Operation, error) { return p.d.importCSV }
	CreateEndpoint  = func(p *Provider) func(CreateEndpointParams) (payonce.Operation, error) { return p.d.createEndpoint }
	UpdateEndpoint  = func(p *Provider) func(UpdateEndpointParams) (payonce.Operation, error) { return p.d.updateEndpoint }
	DeleteEndpoint  = func(p *Provider) func(EndpointParams) (payonce.Operation, error) { return p.d.deleteEndpoint }
	TestEndpoint    = func(p *Provider) func(EndpointParams) (payonce.Operation, error) { return p.d.testEndpoint }
)
