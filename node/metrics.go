package node

import (
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/elasticcode/flow/flow"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// metrics are what the node tells of itself to those who watch it. All but the
// commit times is looked up when somebody asks.
type metrics struct {
	registry *prometheus.Registry
	commits  *prometheus.HistogramVec // seconds, by group
}

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry(), commits: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "flow_group_commit_seconds", Help: "Time from handing an entry to the log until it is committed by a majority and applied, where the group is led.",
		Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14), // to 4 s
	}, []string{"group"})}
	m.registry.MustRegister(m.commits, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// committed is told how long the entries of a group took.
func (m *metrics) committed(group messages.GroupID) func(time.Duration) {
	seconds := m.commits.WithLabelValues(groupLabel(group))
	return func(took time.Duration) { seconds.Observe(took.Seconds()) }
}

// groupLabel is a group in a label: "meta", or a partition's number.
func groupLabel(group messages.GroupID) string {
	if group == messages.Meta {
		return "meta"
	}
	return strconv.FormatUint(uint64(group), 10)
}

// figure is a metric that is looked up when somebody asks.
type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func gaugeOf(name, help string, labels ...string) figure {
	return figure{prometheus.NewDesc(name, help, labels, nil), prometheus.GaugeValue}
}

func counterOf(name, help string, labels ...string) figure {
	return figure{prometheus.NewDesc(name, help, labels, nil), prometheus.CounterValue}
}

// scrape hands figures to one who asks.
type scrape chan<- prometheus.Metric

func (s scrape) put(f figure, value float64, labels ...string) {
	s <- prometheus.MustNewConstMetric(f.desc, f.kind, value, labels...)
}

func (s scrape) flag(f figure, is bool, labels ...string) {
	value := 0.0
	if is {
		value = 1
	}
	s.put(f, value, labels...)
}

// nodeFigures collects what is looked up of a node.
type nodeFigures struct {
	node *Node

	build, ready, losses, members            figure
	slots, assigned, workers, crashes        figure
	diskFree, diskSize, diskReserve, data    figure
	leads, term, last, applied, contact      figure
	accepted, calls, ended, attempts, repeat figure
}

func newNodeFigures(n *Node) *nodeFigures {
	return &nodeFigures{
		node:    n,
		build:   gaugeOf("flow_build_info", "1, with the version of the node's build.", "version"),
		ready:   gaugeOf("flow_ready", "Whether the node is ready, as /readyz says."),
		losses:  gaugeOf("flow_losses_tolerated", "Losses of nodes that the network survives now, as this node sees it."),
		members: gaugeOf("flow_members", "Nodes that gossip knows, this one included.", "state"),

		slots:    gaugeOf("flow_slots", "CPU slots that the node offers."),
		assigned: gaugeOf("flow_slots_assigned", "CPU slots of the node that processors have."),
		workers:  gaugeOf("flow_workers", "Worker processes that run."),
		crashes:  counterOf("flow_worker_crashes_total", "Workers that ended by themselves, or could not be started."),

		diskFree:    gaugeOf("flow_disk_free_bytes", "Bytes that are free on the disk of the data directory."),
		diskSize:    gaugeOf("flow_disk_size_bytes", "Bytes of that disk."),
		diskReserve: gaugeOf("flow_disk_reserve_bytes", "Bytes below which the node counts as short of disk: most voters short, and a group takes no new calls."),
		data:        gaugeOf("flow_data_bytes", "Bytes of the files of the replicas' logs, and of their state.", "part"),

		leads:   gaugeOf("flow_group_leader", "Whether this node leads the group.", "group"),
		term:    gaugeOf("flow_group_term", "The group's term; it rises with each election.", "group"),
		last:    gaugeOf("flow_group_last_index", "Index of the last entry of the log here.", "group"),
		applied: gaugeOf("flow_group_applied_index", "Index of the last entry that is applied here.", "group"),
		contact: gaugeOf("flow_group_leader_contact_seconds", "Time since the group's leader was heard of; 0 where it is led, and nothing before it was ever.", "group"),

		accepted: counterOf("flow_calls_accepted_total", "Calls that the partition has taken since it was made; where it is led.", "group"),
		calls:    gaugeOf("flow_calls", "Calls that the partition keeps, by state; where it is led. Those that have ended go with their retention.", "group", "state"),
		ended:    counterOf("flow_calls_ended_total", "Calls that ended while this node led the partition, by the state in which they did.", "group", "state"),
		attempts: counterOf("flow_attempts_started_total", "Attempts that began while this node led the partition.", "group"),
		repeat:   counterOf("flow_attempts_repeated_total", "Of those, the ones that were not their call's first: it was retried, or its worker or node was lost.", "group"),
	}
}

func (f *nodeFigures) Describe(to chan<- *prometheus.Desc) {
	for _, one := range []figure{f.build, f.ready, f.losses, f.members, f.slots, f.assigned, f.workers, f.crashes, f.diskFree, f.diskSize,
		f.diskReserve, f.data, f.leads, f.term, f.last, f.applied, f.contact, f.accepted, f.calls, f.ended, f.attempts, f.repeat} {
		to <- one.desc
	}
}

func (f *nodeFigures) Collect(to chan<- prometheus.Metric) {
	f.ofNode(to)
	f.ofDisk(to)
	for id, r := range f.node.replicas.all() {
		f.ofGroup(to, groupLabel(id), r)
	}
}

func (f *nodeFigures) ofNode(to scrape) {
	n := f.node
	to.put(f.build, 1, messages.Version)
	ready, report := n.ready()
	to.flag(f.ready, ready)
	if r, ok := report.(Readiness); ok {
		to.put(f.losses, float64(r.LossesTolerated))
	}
	alive, gone := n.alive(), 0
	for _, m := range n.gossip.Members() {
		if !alive[messages.NodeID(m.Info.GetId())] {
			gone++
		}
	}
	to.put(f.members, float64(len(alive)), "alive")
	to.put(f.members, float64(gone), "gone")

	to.put(f.slots, float64(n.config.CPUs))
	assigned, _ := see(n, func(v kv.View) (slots int32) { // none before it has a model
		for _, a := range model.Assignments(v, n.self.Node) {
			slots += a.Deployment.GetDeployment().GetCpus()
		}
		return slots
	})
	to.put(f.assigned, float64(assigned))
	to.put(f.workers, float64(n.code.workers.alive.Load()))
	to.put(f.crashes, float64(n.system.Crashes()))
}

func (f *nodeFigures) ofDisk(to scrape) {
	n := f.node
	free, size := n.boundary.disk()
	to.put(f.diskFree, float64(free))
	to.put(f.diskSize, float64(size))
	to.put(f.diskReserve, float64(n.boundary.reserve()))
	to.put(f.data, bytesBelow(filepath.Join(n.place.path, "groups")), "log")
	to.put(f.data, bytesBelow(filepath.Join(n.place.path, "state")), "state")
}

// bytesBelow adds up the files of a directory. One that goes meanwhile counts for nothing.
func bytesBelow(directory string) (bytes float64) {
	_ = filepath.WalkDir(directory, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		if info, err := entry.Info(); err == nil {
			bytes += float64(info.Size())
		}
		return nil
	})
	return bytes
}

func (f *nodeFigures) ofGroup(to scrape, group string, r *replica) {
	leads := r.IsLeader()
	to.flag(f.leads, leads, group)
	to.put(f.term, float64(r.Term()), group)
	to.put(f.last, float64(r.LastIndex()), group)
	to.put(f.applied, float64(r.Applied()), group)
	if leads {
		to.put(f.contact, 0, group)
	} else if heard := r.LastContact(); !heard.IsZero() {
		to.put(f.contact, time.Since(heard).Seconds(), group)
	}
	if r.partition == nil {
		return
	}
	c := r.partition.Counts()
	to.put(f.ended, float64(c.Finished), group, "finished")
	to.put(f.ended, float64(c.Failed), group, "failed")
	to.put(f.ended, float64(c.Cancelled), group, "cancelled")
	to.put(f.ended, float64(c.Expired), group, "expired")
	to.put(f.attempts, float64(c.Started), group)
	to.put(f.repeat, float64(c.Repeated), group)
	if !leads {
		return
	}
	_ = r.View(func(view kv.View, _ uint64) error { // a replica that cannot be read tells nothing of its calls
		kept := flow.Kept(view)
		to.put(f.accepted, float64(kept.Accepted), group)
		to.put(f.calls, float64(kept.Queued), group, "queued")
		to.put(f.calls, float64(kept.Running), group, "running")
		to.put(f.calls, float64(kept.Finished), group, "finished")
		to.put(f.calls, float64(kept.Failed), group, "failed")
		to.put(f.calls, float64(kept.Cancelled), group, "cancelled")
		to.put(f.calls, float64(kept.Expired), group, "expired")
		return nil
	})
}
