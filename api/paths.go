package api

import (
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/nearest"
)

// paths are where the API answers. What comes elsewhere, or in another way, is
// refused in words.
type paths struct {
	mux    *http.ServeMux
	method map[string]string // of HTTP, by path
}

func newPaths() *paths {
	p := &paths{mux: http.NewServeMux(), method: map[string]string{}}
	p.mux.HandleFunc("/", p.refuse)
	return p
}

// get serves what people and supervisors ask with a plain GET.
func (p *paths) get(path string, handler http.HandlerFunc) {
	p.method[path] = http.MethodGet
	if path == "/" {
		path = "/{$}" // else it would be all paths
	}
	p.mux.HandleFunc("GET "+path, handler)
}

// service serves each method of a service at a path of its own.
func (p *paths) service(prefix string, handler http.Handler) {
	name := protoreflect.Name(strings.TrimSuffix(telling(prefix), "/"))
	methods := messages.File_messages_api_proto.Services().ByName(name).Methods()
	for i := range methods.Len() {
		path := prefix + string(methods.Get(i).Name())
		p.method[path] = http.MethodPost
		p.mux.Handle(path, handler)
	}
}

// servicesAt begins the paths of all services.
const servicesAt = "/flow.v1."

// telling is what tells a path from the others.
func telling(path string) string { return strings.TrimPrefix(path, servicesAt) }

// maxShownPath bounds the bytes of a path that an error shows.
const maxShownPath = 100

// refuse answers what nothing here takes: a path that there is not, or a method
// that the path does not take.
func (p *paths) refuse(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	subject := strings.ToValidUTF8(path[:min(len(path), maxShownPath)], "")
	takes, known := p.method[path]
	if !known {
		refuse(w, http.StatusNotFound, connect.CodeUnimplemented,
			messages.Errorf(messages.Invalid, "serve", subject, "there is nothing at this path").WithHint("%s", p.instead(path)))
		return
	}
	w.Header().Set("Allow", takes)
	refuse(w, http.StatusMethodNotAllowed, connect.CodeInvalidArgument,
		messages.Errorf(messages.Invalid, "serve", subject, "the method is %s, and must be %s", r.Method, takes).WithHint("%s", usages[takes]))
}

// usages say how each method of HTTP is used here.
var usages = map[string]string{
	http.MethodGet:  "curl ADDRESS/…",
	http.MethodPost: "send JSON, {} for no fields: curl -H 'Content-Type: application/json' -d '{…}' ADDRESS/…",
}

// instead says which path was probably meant.
func (p *paths) instead(path string) string {
	var names []string
	paths := map[string]string{}
	for known := range p.method {
		names = append(names, telling(known))
		paths[telling(known)] = known
	}
	if meant := paths[nearest.Name(telling(path), names)]; meant != "" {
		return "did you mean " + p.method[meant] + " " + meant + "?"
	}
	return "GET / says what there is, and docs/API.md describes each method"
}
