package adapter

import (
	"maps"

	"github.com/payonce/payonce"
)

// RefKey is the metadata key under which an operation can be found again.
const RefKey = "payonce_ref"

// WithRef lets payonce_ref travel in an operation's metadata beside the merchant's own, unless off says that the merchant wants it
// out. body makes the body around the metadata.
func WithRef(p *Problems, account string, op payonce.Operation, own map[string]string, off bool, body func(metadata map[string]string) any) payonce.Operation {
	if _, taken := own[RefKey]; taken && !off {
		p.Add("metadata", "%s is set by the client; Config.NoRef leaves it out", RefKey)
	}
	own = maps.Clone(own)
	id := payonce.OperationID{Account: account, Kind: op.Kind, Reference: op.Reference}
	op.KeyedBody = func(_ string, generation int) any {
		if off || generation == 0 {
			return body(own)
		}
		metadata := map[string]string{RefKey: id.Ref(generation)}
		maps.Copy(metadata, own)
		return body(metadata)
	}
	return op
}
