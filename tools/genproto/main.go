// Command genproto makes the Go code of messages/*.proto. It needs no protoc:
// the files are compiled here and handed to the two generator plugins, which
// are built from the versions that tools/go.mod names.
//
// With -check it writes nothing and fails if the committed code is not current.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"sort"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

const modulePath = "github.com/elasticcode/flow"

var plugins = []string{
	"google.golang.org/protobuf/cmd/protoc-gen-go",
	"connectrpc.com/connect/cmd/protoc-gen-connect-go",
}

func main() {
	root := flag.String("root", "..", "root of the repository")
	check := flag.Bool("check", false, "fail if the committed code is not current")
	flag.Parse()
	log.SetFlags(0)
	if err := run(*root, *check); err != nil {
		log.Fatalf("genproto: %v", err)
	}
}

func run(root string, check bool) error {
	request, err := compile(root)
	if err != nil {
		return err
	}
	bin, err := os.MkdirTemp("", "genproto")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	for _, plugin := range plugins {
		files, err := generate(bin, plugin, request)
		if err != nil {
			return fmt.Errorf("%s: %w", plugin, err)
		}
		for name, content := range files {
			if err := put(filepath.Join(root, name), content, check); err != nil {
				return err
			}
		}
	}
	return nil
}

// compile reads the proto files and makes the request that a plugin takes.
func compile(root string) (*pluginpb.CodeGeneratorRequest, error) {
	names, err := filepath.Glob(filepath.Join(root, "messages", "*.proto"))
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	for i, name := range names {
		names[i] = "messages/" + filepath.Base(name)
	}
	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{root}}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(context.Background(), names...)
	if err != nil {
		return nil, err
	}
	request := &pluginpb.CodeGeneratorRequest{
		FileToGenerate: names,
		Parameter:      proto.String("module=" + modulePath),
	}
	seen := map[string]bool{}
	for _, file := range files {
		addFile(request, seen, file)
	}
	return request, nil
}

// addFile adds a file after those that it imports, as plugins expect.
func addFile(request *pluginpb.CodeGeneratorRequest, seen map[string]bool, file protoreflect.FileDescriptor) {
	if seen[file.Path()] {
		return
	}
	seen[file.Path()] = true
	for i := range file.Imports().Len() {
		addFile(request, seen, file.Imports().Get(i).FileDescriptor)
	}
	var descriptor *descriptorpb.FileDescriptorProto = protoutil.ProtoFromFileDescriptor(file)
	request.ProtoFile = append(request.ProtoFile, descriptor)
}

func generate(bin, plugin string, request *pluginpb.CodeGeneratorRequest) (map[string][]byte, error) {
	exe := filepath.Join(bin, filepath.Base(plugin))
	if out, err := exec.Command("go", "build", "-o", exe, plugin).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build: %w\n%s", err, out)
	}
	in, err := proto.Marshal(request)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(exe)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &response); err != nil {
		return nil, err
	}
	if response.Error != nil {
		return nil, fmt.Errorf("%s", *response.Error)
	}
	files := map[string][]byte{}
	for _, f := range response.File {
		files[f.GetName()] = []byte(f.GetContent())
	}
	return files, nil
}

func put(path string, content []byte, check bool) error {
	if check {
		old, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(old, content) {
			return fmt.Errorf("%s is not current: run `make generate`", path)
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
