package simulator

import "net/http"

// Control serves the control endpoints.
func (c *core) Control() http.Handler {
	mux := http.NewServeMux()
	c.api.control(mux)
	return mux
}
