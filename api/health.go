package api

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// addHealth adds what people and supervisors ask a node with plain GETs.
func addHealth(paths *paths, config Config) {
	paths.get("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"alive": true, "node": config.Name, "id": config.Node, "version": config.Version})
	})
	paths.get("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		ready, report := true, any(map[string]bool{"ready": true})
		if config.Ready != nil {
			ready, report = config.Ready()
		}
		status := http.StatusOK
		if !ready {
			status = http.StatusServiceUnavailable
		}
		writeJSON(w, status, report)
	})
	paths.get("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, front, config.Name, config.Version)
	})
}

const front = `This is node %s (version %s) of a network that runs durable tasks.

Its API is spoken as gRPC, Connect, or JSON over HTTP POST, for example:

  curl -H 'Content-Type: application/json' -d '{}' http://ADDRESS/flow.v1.Objects/GetNetwork

docs/API.md describes each method. GET /healthz, /readyz and /metrics tell how the node is.
`

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, "the report cannot be written as JSON: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that went away has no use for the error
}
