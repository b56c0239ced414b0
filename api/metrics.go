package api

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// maxScrapes bounds how many ask for metrics at the same time.
	maxScrapes = 4
	// scrapeLimit is how long one may wait: groups without a leader are asked, too.
	scrapeLimit = 10 * time.Second
)

// addMetrics adds the API's own metrics to a registry, and serves all of them.
func addMetrics(paths *paths, registry *prometheus.Registry, tasks *tasks, memory *memory) {
	underWay := func(what string, n *atomic.Int64) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "flow_api_requests", ConstLabels: prometheus.Labels{"what": what},
			Help: "Requests that the node has taken and not answered: run are to run something, results wait for results."},
			func() float64 { return float64(n.Load()) }))
	}
	refused := func(what string, n *atomic.Int64) {
		registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "flow_api_refused_total", ConstLabels: prometheus.Labels{"what": what},
			Help: "Requests that were refused because of overload: run and results while too many were under way, memory while they had too many bytes."},
			func() float64 { return float64(n.Load()) }))
	}
	underWay("run", &tasks.running.count)
	underWay("results", &tasks.waiting.count)
	refused("run", &tasks.running.refused)
	refused("results", &tasks.waiting.refused)
	refused("memory", &memory.refused)
	paths.get("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: maxScrapes, Timeout: scrapeLimit}).ServeHTTP)
}
