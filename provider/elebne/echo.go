package elebne

import (
	"encoding/json"
	"net/url"
	"strings"
)

// answerRule says what a whole answer of a kind must hold, and what of it must be what was sent. Because Elebne answers a key that was
// used for other content with what that made, and no error, the second is the only way to notice. Kinds without a rule must not say
// that they failed, no more.
type answerRule struct {
	// form is what the answer looks like.
	form answerForm
	// made is the field with the id of what was made or changed.
	made string
	// collection is what precedes the id in the path, names the fields that may repeat it.
	collection string
	names      []string
	// whole says that the answer has what is documented of it.
	whole func(data object) bool
	// differs says that something which the answer repeats is not what was sent.
	differs func(sent, data object) bool
}

type answerForm int

const (
	formAny      answerForm = iota // JSON that does not say that it failed
	formEnvelope                   // success and data
	formList                       // a list, within an envelope or not
)

func ruleOf(kind string) answerRule {
	const ref, id = "referenceNumber", "id"
	intent, product, endpoint := []string{ref}, []string{id, "externalId"}, []string{id}
	switch kind {
	case kindCreatePayment:
		return answerRule{form: formEnvelope, made: ref, whole: wholeIntent, differs: intentDiffers}
	case kindGetPayment:
		return answerRule{form: formEnvelope, made: ref, collection: intents, names: intent, whole: wholeIntent}
	case kindCancelPayment:
		return answerRule{form: formEnvelope, made: ref, collection: intents, names: intent, differs: wasPaid}
	case kindSimulate:
		return answerRule{form: formEnvelope, made: ref, collection: intents, names: intent}
	case kindCreateRefund:
		return answerRule{form: formEnvelope, made: id, collection: intents, names: intent, whole: tellsOfARefund}
	case kindCreateProduct:
		return answerRule{form: formEnvelope, made: id, differs: productDiffers}
	case kindUpdateProduct:
		return answerRule{form: formEnvelope, made: id, collection: products, names: product, differs: productDiffers}
	case kindSetStock, kindSetVariantStock, kindDeleteProduct:
		return answerRule{form: formEnvelope, made: id, collection: products, names: product}
	case kindCreateEndpoint:
		return answerRule{form: formEnvelope, made: id, whole: hasID, differs: endpointDiffers}
	case kindUpdateEndpoint:
		return answerRule{form: formEnvelope, made: id, collection: endpoints, names: endpoint, differs: endpointDiffers}
	case kindDeleteEndpoint, kindTestEndpoint:
		return answerRule{form: formEnvelope, made: id, collection: endpoints, names: endpoint}
	case kindGetOrder: // documented without success
		return answerRule{made: ref, collection: orders, names: []string{ref, id}, whole: isThere}
	case kindImportProducts, kindGetTemplate:
		return answerRule{form: formEnvelope}
	case kindListIntents, kindListOrders:
		return answerRule{form: formList}
	}
	return answerRule{made: id}
}

// open returns the answer's data; false if it is not of the form, or says that it failed. Where a body may be missing, so may the data.
func (r *answerRule) open(body []byte, bare bool) (data object, ok bool) {
	var doc object
	isObject := json.Unmarshal(body, &doc) == nil && doc != nil
	if !json.Valid(body) || doc.is("success", "false") || (doc["error"] != nil && !doc.is("error", "null")) {
		return nil, false
	}
	_ = json.Unmarshal(doc["data"], &data) // data that is no object has no fields
	switch r.form {
	case formAny:
		ok = true
	case formEnvelope:
		ok = isObject && doc.is("success", "true") && (data != nil || bare)
	case formList:
		ok = listIn(body) != nil
	}
	return data, ok
}

// id is Elebne's id of what was made or changed; an intent that was changed is known from the path.
func (r *answerRule) id(path string, data object) string {
	if id := data.text(r.made); id != "" || r.made != "referenceNumber" {
		return id
	}
	return idIn(path, r.collection)
}

// strays says that none of the fields which may repeat the id of the path does. Where one of them is missing, it may have been that.
func (r *answerRule) strays(path string, data object) bool {
	asked := idIn(path, r.collection)
	if asked == "" {
		return false
	}
	for _, name := range r.names {
		if told := data.text(name); told == "" || told == asked {
			return false
		}
	}
	return true
}

// idIn returns the element of a path that follows the collection; "" if there is none.
func idIn(path, collection string) string {
	if collection == "" {
		return ""
	}
	_, rest, _ := strings.Cut(path, collection+"/")
	rest, _, _ = strings.Cut(rest, "?")
	rest, _, _ = strings.Cut(rest, "/")
	id, err := url.PathUnescape(rest)
	if err != nil {
		return ""
	}
	return id
}

// wholeIntent asks for what is documented of every intent; the amount is null where the payer chooses it.
func wholeIntent(data object) bool {
	_, isNumber := data.integer("amount")
	return data.text("referenceNumber") != "" && data.text("status") != "" && (isNumber || data.is("amount", "null"))
}

// tellsOfARefund asks for what is documented of a refund's answer, or for the intent that it is a refund of.
func tellsOfARefund(data object) bool {
	_, refunded := data["refunded"]
	return refunded || data.text("referenceNumber") != ""
}

func isThere(data object) bool { return data != nil }

func hasID(data object) bool { return data.text("id") != "" }

// intentDiffers compares an intent with the one that was asked for. Space around a label may get lost.
func intentDiffers(sent, data object) bool {
	amountType := orDefault(sent.text("amountType"), string(AmountFixed))
	asked, isNumber := sent.integer("amount")
	told, isFixed := data.integer("amount")
	return (amountType != string(AmountOpen) && isNumber && (!isFixed || asked != told)) ||
		differ(amountType, data.text("amountType")) ||
		differ(currency, data.text("currency")) ||
		differ(strings.TrimSpace(sent.text("label")), strings.TrimSpace(data.text("label"))) ||
		metadataDiffers(sent["metadata"], data["metadata"])
}

// metadataDiffers says that metadata came back without something that was sent. More may come back; none at all says nothing.
func metadataDiffers(sent, told json.RawMessage) bool {
	var asked map[string]string
	var got object
	if told == nil || string(told) == "null" || json.Unmarshal(sent, &asked) != nil {
		return false
	}
	_ = json.Unmarshal(told, &got) // what is no object holds nothing
	for key, value := range asked {
		if _, there := got[key]; !there || got.text(key) != value {
			return true
		}
	}
	return false
}

// wasPaid says that what was cancelled, so the answer, is an intent that was paid.
func wasPaid(_, data object) bool { return IntentStatus(data.text("status")).moneyMoved() }

func productDiffers(sent, data object) bool {
	asked, _ := sent.integer("price")
	told, _ := data.integer("price")
	return differ(asked, told) || differ(sent.text("externalId"), data.text("externalId"))
}

func endpointDiffers(sent, data object) bool {
	return differ(strings.TrimSuffix(sent.text("url"), "/"), strings.TrimSuffix(data.text("url"), "/"))
}

// differ says that both are there and not the same.
func differ[T comparable](sent, told T) bool {
	var none T
	return sent != none && told != none && sent != told
}
