package node

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/elasticcode/flow/messages"
)

// scraped is what /metrics says, read by the rules of the text format.
type scraped map[string]*dto.MetricFamily

func scrapeOf(t *testing.T, address string) scraped {
	t.Helper()
	response, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if kind := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
		t.Fatalf("status %d, %s", response.StatusCode, kind)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// sum adds up the series of a metric that have these labels: "state", "failed".
// Of a histogram it is the number of observations.
func (s scraped) sum(t *testing.T, name string, labels ...string) (sum float64) {
	t.Helper()
	if s[name] == nil {
		t.Fatalf("there is no %s", name)
	}
	for _, m := range s[name].GetMetric() {
		has := func(name, value string) bool {
			return slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == name && l.GetValue() == value })
		}
		if len(labels) == 2 && !has(labels[0], labels[1]) {
			continue
		}
		sum += m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	return sum
}

const counted = `import os

def fine(x):
    return x

def bad():
    raise ValueError("bad")

def second():
    if os.environ["FLOW_ATTEMPT"] == "1":
        raise ValueError("not yet")

def dies_once():
    if os.environ["FLOW_ATTEMPT"] == "1":
        os._exit(3)
`

// TestMetricsFollowCalls: what a node tells of itself is right, in figures that
// follow from what was sent.
func TestMetricsFollowCalls(t *testing.T) {
	w := newWorld(t, 1)
	address := w.addresses[0]
	w.until("the node to be ready", func() bool { return scrapeOf(t, address).sum(t, "flow_ready") == 1 })
	w.create(&messages.Object{Name: "p", Kind: messages.Kind_KIND_PROCESSOR,
		Spec: &messages.Object_Processor{Processor: &messages.Processor{Gitrepo: repository(t, counted), Module: "module", Concurrency: 1}}})
	w.create(&messages.Object{Name: "q", Kind: messages.Kind_KIND_QUEUE, Spec: &messages.Object_Queue{Queue: &messages.Queue{}}})
	for _, function := range []string{"fine", "bad", "second", "dies_once"} {
		retries, delay := int32(0), int64(0)
		if function == "second" {
			retries = 1
		}
		w.create(&messages.Object{Name: function, Kind: messages.Kind_KIND_SOCKET,
			Spec: &messages.Object_Socket{Socket: &messages.Socket{Queue: "q", Processor: "p", Task: function, Retries: &retries, Retrydelay: &delay}}})
	}
	run := func(socket, data string) {
		t.Helper()
		if _, err := w.client.Call(t.Context(), &messages.RunRequest{Socket: socket, Data: &data}); err != nil {
			t.Fatalf("%s: %v", socket, err)
		}
	}
	run("fine", "0")
	before := scrapeOf(t, address)
	for i := range 5 {
		run("fine", fmt.Sprint(i))
	}
	run("bad", "[]")
	run("second", "[]")
	run("dies_once", "[]")
	var after scraped
	w.until("9 calls to be counted as ended", func() bool { // who waited is told first
		after = scrapeOf(t, address)
		return after.sum(t, "flow_calls_ended_total") == 9
	})

	for _, want := range []struct {
		name   string
		labels []string
		value  float64
	}{
		{"flow_build_info", []string{"version", messages.Version}, 1},
		{"flow_ready", nil, 1},
		{"flow_losses_tolerated", nil, 0},
		{"flow_members", []string{"state", "alive"}, 1},
		{"flow_slots", nil, 1},
		{"flow_slots_assigned", nil, 1},
		{"flow_workers", nil, 1},
		{"flow_worker_crashes_total", nil, 1},
		{"flow_group_leader", nil, 3},
		{"flow_calls_accepted_total", nil, 9},
		{"flow_calls_ended_total", []string{"state", "finished"}, 8},
		{"flow_calls_ended_total", []string{"state", "failed"}, 1},
		{"flow_calls_ended_total", []string{"state", "expired"}, 0},
		{"flow_calls", []string{"state", "finished"}, 8},
		{"flow_calls", []string{"state", "queued"}, 0},
		{"flow_attempts_started_total", nil, 11},
		{"flow_attempts_repeated_total", nil, 2},
		{"flow_api_refused_total", nil, 0},
	} {
		if got := after.sum(t, want.name, want.labels...); got != want.value {
			t.Errorf("%s %v is %v, want %v", want.name, want.labels, got, want.value)
		}
	}
	for _, name := range []string{"flow_group_commit_seconds", "flow_group_last_index", "flow_group_applied_index", "flow_calls_accepted_total"} {
		if a, b := before.sum(t, name), after.sum(t, name); a <= 0 || b < a+8 {
			t.Errorf("%s went from %v to %v with 8 calls", name, a, b)
		}
	}
	for _, name := range []string{"flow_group_term", "flow_disk_free_bytes", "flow_disk_size_bytes", "flow_disk_reserve_bytes", "flow_data_bytes",
		"process_start_time_seconds", "process_resident_memory_bytes", "go_goroutines"} {
		if after.sum(t, name) <= 0 {
			t.Errorf("%s is not above 0", name)
		}
	}
	for name, family := range after {
		checkFamily(t, name, family)
	}
}

// bounded are the labels that a metric may have: each has few values.
var bounded = regexp.MustCompile(`^(group|state|what|part|version|quantile)$`)

// checkFamily holds a metric against the conventions: a help, units in full, _total
// behind counters alone.
func checkFamily(t *testing.T, name string, family *dto.MetricFamily) {
	t.Helper()
	if counter := family.GetType() == dto.MetricType_COUNTER; family.GetHelp() == "" || counter != strings.HasSuffix(name, "_total") {
		t.Errorf("%s is a %v; help %q", name, family.GetType(), family.GetHelp())
	}
	for _, m := range family.GetMetric() {
		for _, l := range m.GetLabel() {
			if !bounded.MatchString(l.GetName()) {
				t.Errorf("%s has the label %s", name, l.GetName())
			}
		}
	}
}
