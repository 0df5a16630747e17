package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/intstr"
	yamlstream "k8s.io/apimachinery/pkg/util/yaml"

	"tcb-login/config/settings"
)

const kubernetesFolder = "deploy/kubernetes"

// A kustomization is what ours says: decoding fails at anything else.
type kustomization struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Namespace  string
	Labels     []struct{ Pairs map[string]string }
	Resources  []string
	Images     []struct {
		Name    string
		NewName string `yaml:"newName"`
		NewTag  string `yaml:"newTag"`
	}
	ConfigMapGenerator []struct {
		Name    string
		Files   []string
		Options struct {
			DisableNameSuffixHash bool `yaml:"disableNameSuffixHash"`
		}
	} `yaml:"configMapGenerator"`
}

// cluster is what the folder comes to, each kind once.
type cluster struct {
	namespace  *corev1.Namespace
	deployment *appsv1.Deployment
	service    *corev1.Service
	ingress    *networkingv1.Ingress
	budget     *policyv1.PodDisruptionBudget
	scaler     *autoscalingv2.HorizontalPodAutoscaler
	policy     *networkingv1.NetworkPolicy
	secret     *corev1.Secret // the example
	configMaps map[string]map[string]string
	kustomize  kustomization
}

// decoder takes what the API server would take, to the field and to the letter.
func decoder(t *testing.T) runtime.Decoder {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, autoscalingv2.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}

// readCluster decodes every document of the folder.
func readCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{configMaps: map[string]map[string]string{}}
	data, err := os.ReadFile(filepath.Join(kubernetesFolder, "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	strict := yaml.NewDecoder(bytes.NewReader(data))
	strict.KnownFields(true)
	if err := strict.Decode(&c.kustomize); err != nil {
		t.Fatalf("kustomization.yaml: %v", err)
	}
	used := []string{"kustomization.yaml", "secret.example.yaml"}
	for _, g := range c.kustomize.ConfigMapGenerator {
		c.configMaps[g.Name] = map[string]string{}
		for _, name := range g.Files {
			content, err := os.ReadFile(filepath.Join(kubernetesFolder, name))
			if err != nil {
				t.Fatal(err)
			}
			c.configMaps[g.Name][name] = string(content)
			used = append(used, name)
		}
	}
	decode := decoder(t)
	for _, name := range append([]string{"secret.example.yaml"}, c.kustomize.Resources...) {
		used = append(used, name)
		data, err := os.ReadFile(filepath.Join(kubernetesFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		for docs := yamlstream.NewYAMLReader(bufio.NewReader(bytes.NewReader(data))); ; {
			doc, err := docs.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			object, _, err := decode.Decode(doc, nil, nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			c.take(t, name, object)
		}
	}
	entries, err := os.ReadDir(kubernetesFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(used, e.Name()) {
			t.Errorf("%s/%s is in no list", kubernetesFolder, e.Name())
		}
	}
	if c.namespace == nil || c.deployment == nil || c.service == nil || c.ingress == nil || c.budget == nil || c.scaler == nil || c.policy == nil || c.secret == nil {
		t.Fatalf("something is missing: %+v", c)
	}
	return c
}

// take notes an object, of which there is one of a kind.
func (c *cluster) take(t *testing.T, name string, object runtime.Object) {
	t.Helper()
	second := false
	switch o := object.(type) {
	case *corev1.Namespace:
		second, c.namespace = c.namespace != nil, o
	case *appsv1.Deployment:
		second, c.deployment = c.deployment != nil, o
	case *corev1.Service:
		second, c.service = c.service != nil, o
	case *networkingv1.Ingress:
		second, c.ingress = c.ingress != nil, o
	case *policyv1.PodDisruptionBudget:
		second, c.budget = c.budget != nil, o
	case *autoscalingv2.HorizontalPodAutoscaler:
		second, c.scaler = c.scaler != nil, o
	case *networkingv1.NetworkPolicy:
		second, c.policy = c.policy != nil, o
	case *corev1.Secret:
		second, c.secret = c.secret != nil, o
	default:
		t.Errorf("%s: nobody looks at %T", name, object)
	}
	if second {
		t.Errorf("%s: a second %T", name, object)
	}
}

// container is the only one of the pods.
func (c *cluster) container(t *testing.T) corev1.Container {
	t.Helper()
	pod := c.deployment.Spec.Template.Spec
	if len(pod.Containers) != 1 || len(pod.InitContainers) != 0 {
		t.Fatalf("containers %+v, %+v", pod.Containers, pod.InitContainers)
	}
	return pod.Containers[0]
}

// port is that of the container with a name, as a probe, a service or a policy gives it.
func (c *cluster) port(t *testing.T, named intstr.IntOrString) int32 {
	t.Helper()
	for _, p := range c.container(t).Ports {
		if p.Name == named.String() || p.ContainerPort == named.IntVal {
			return p.ContainerPort
		}
	}
	t.Errorf("the container has no port %s", named.String())
	return 0
}

// environ is the container's, with values for the keys of the secret.
func (c *cluster) environ(t *testing.T, secret map[string]string) []string {
	t.Helper()
	env := imageEnvironment(t)
	for _, v := range c.container(t).Env {
		env[v.Name] = v.Value
		if v.ValueFrom != nil {
			ref := v.ValueFrom.SecretKeyRef
			value, ok := secret[ref.Key]
			if ref.Name != c.secret.Name || !ok || ref.Optional != nil {
				t.Errorf("%s comes from %s of the secret %s, which is not in its example", v.Name, ref.Key, ref.Name)
			}
			env[v.Name] = value
		}
	}
	var environ []string
	for name, value := range env {
		environ = append(environ, name+"="+value)
	}
	return environ
}

// mount lays the config maps out as a kubelet does, below a folder.
func (c *cluster) mount(t *testing.T, root string) {
	t.Helper()
	pod := c.deployment.Spec.Template.Spec
	for _, m := range c.container(t).VolumeMounts {
		i := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
		if i < 0 || pod.Volumes[i].ConfigMap == nil || !m.ReadOnly {
			t.Fatalf("the mount %+v, of the volumes %+v", m, pod.Volumes)
		}
		source := pod.Volumes[i].ConfigMap
		content, ok := c.configMaps[source.Name]
		if !ok {
			t.Fatalf("no config map %s", source.Name)
		}
		files := map[string]string{}
		for _, item := range source.Items {
			if _, ok := content[item.Key]; !ok {
				t.Errorf("the config map %s has no %s", source.Name, item.Key)
			}
			files[item.Path] = content[item.Key]
		}
		if len(source.Items) == 0 {
			files = content
		}
		dir := filepath.Join(root, m.MountPath)
		for name, text := range files {
			first, _, _ := strings.Cut(name, "/")
			file := filepath.Join(dir, "..2026_11_27", name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644),
				os.Symlink(filepath.Join("..data", first), filepath.Join(dir, first))); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("..2026_11_27", filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
}

// settings are those that the program finds in a pod, the paths in them below a folder.
func (c *cluster) settings(t *testing.T, root string) (file, text string) {
	t.Helper()
	c.mount(t, root)
	inside, _ := lookUp(c.environ(t, c.secret.StringData))("TCB_LOGIN_SETTINGS")
	file = filepath.Join(root, inside)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("TCB_LOGIN_SETTINGS: %v", err)
	}
	text = strings.ReplaceAll(string(data), "/etc/tcb-login/", path.Join(root, "etc/tcb-login")+"/")
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(real, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file, text
}

// TestKubernetesSettings: the program takes what a pod gives it, and with the example of the secret it
// stops and names what is empty.
func TestKubernetesSettings(t *testing.T) {
	t.Parallel()
	c := readCluster(t)
	root := t.TempDir()
	file, text := c.settings(t, root)
	real := maps.Clone(c.secret.StringData)
	for i, key := range slices.Sorted(maps.Keys(real)) {
		real[key] = string("Kq7"[i]) + "vXw2Zp9LmB4nRt8YsHc6TfJ3dGk5QaUe"
	}
	mounted := []string{"TCB_LOGIN_SETTINGS=" + file} // the first counts
	environ := append(mounted, c.environ(t, real)...)
	unreached := regexp.MustCompile(`(?m)^.*: warning: session\.store: .*\n`) // from here
	if code, stdout, stderr := runOnce(t, environ, "-check"); code != 0 || unreached.ReplaceAllString(stdout, "") != "settings are fine\n" || stderr != "" {
		t.Errorf("-check: exit %d\n%s%s", code, stdout, stderr)
	}
	code, stdout, _ := runOnce(t, append(mounted, c.environ(t, c.secret.StringData)...), "-check")
	for _, v := range c.container(t).Env {
		if v.ValueFrom == nil {
			continue
		}
		if c.secret.StringData[v.ValueFrom.SecretKeyRef.Key] != "" {
			t.Errorf("the example of the secret has a value for %s", v.ValueFrom.SecretKeyRef.Key)
		}
		if !strings.Contains(text, `"env:`+v.Name+`"`) {
			t.Errorf("the settings do not name %s", v.Name)
		} else if code != 1 || !strings.Contains(stdout, v.Name) {
			t.Errorf("exit %d, and nothing said of %s: %s", code, v.Name, stdout)
		}
	}
	if slices.Contains(c.kustomize.Resources, "secret.example.yaml") {
		t.Error("the example of the secret would be applied")
	}
	s, _ := settings.Load(file, settings.Launch{NoSecrets: true})
	var hosts []string
	for _, rule := range c.ingress.Spec.Rules {
		hosts = append(hosts, "https://"+rule.Host)
		for _, p := range rule.HTTP.Paths {
			if p.Backend.Service.Name != c.service.Name || !slices.ContainsFunc(c.service.Spec.Ports, func(port corev1.ServicePort) bool { return port.Name == p.Backend.Service.Port.Name }) {
				t.Errorf("%s leads to %+v", p.Path, p.Backend.Service)
			}
			if p.Path != s.BasePath && p.Path != "/.well-known/change-password" {
				t.Errorf("%s is not ours", p.Path)
			}
		}
	}
	if !slices.Equal(hosts, s.PublicOrigins) {
		t.Errorf("the ingress has %q, the settings %q", hosts, s.PublicOrigins)
	}
	delay, _ := lookUp(environ)("TCB_LOGIN_SHUTDOWN_DELAY")
	c.stops(t, delay, s.BackendTimeout+stopGrace)
	store := regexp.MustCompile(`(?m)^ *store: (.*)$`).FindStringSubmatch(text)
	if store == nil {
		t.Fatalf("no store in the settings:\n%s", text)
	}
	c.reachesStore(t, store[1])
}

// stops checks that a pod has time to end well, which its readiness probe must have seen coming.
func (c *cluster) stops(t *testing.T, said string, drain time.Duration) {
	t.Helper()
	pod, probe := c.deployment.Spec.Template.Spec, c.container(t).ReadinessProbe
	delay, err := time.ParseDuration(said)
	if err != nil {
		t.Fatal(err)
	}
	seen := time.Duration(probe.PeriodSeconds*probe.FailureThreshold+probe.TimeoutSeconds) * time.Second
	if delay < seen+3*time.Second {
		t.Errorf("TCB_LOGIN_SHUTDOWN_DELAY is %v: the endpoints change %v after SIGTERM at the earliest", delay, seen)
	}
	if grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second; grace <= delay+drain {
		t.Errorf("the grace period is %v, a stop can take %v", grace, delay+drain)
	}
	if hooks := c.container(t).Lifecycle; hooks != nil {
		t.Errorf("the image has nothing that a hook could run: %+v", hooks)
	}
}

// reachesStore checks that the policy lets pods reach the store of the settings.
func (c *cluster) reachesStore(t *testing.T, store string) {
	t.Helper()
	u, err := url.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	service := strings.Split(u.Hostname(), ".") // name.namespace.svc…
	if len(service) < 3 || service[2] != "svc" {
		t.Fatalf("the store is %s", store)
	}
	allowed := slices.ContainsFunc(c.policy.Spec.Egress, func(rule networkingv1.NetworkPolicyEgressRule) bool {
		return len(rule.To) == 1 && rule.To[0].NamespaceSelector != nil && len(rule.Ports) == 1 &&
			rule.To[0].NamespaceSelector.MatchLabels[corev1.LabelMetadataName] == service[1] && rule.Ports[0].Port.String() == u.Port()
	})
	if !allowed {
		t.Errorf("the network policy lets nobody reach %s", store)
	}
}

// TestKubernetesFits: labels, ports and names of the documents belong together.
func TestKubernetesFits(t *testing.T) {
	t.Parallel()
	c := readCluster(t)
	pod := labels.Set(c.deployment.Spec.Template.Labels)
	selectors := map[string]*metav1.LabelSelector{
		"deployment": c.deployment.Spec.Selector, "budget": c.budget.Spec.Selector, "policy": &c.policy.Spec.PodSelector,
		"service": {MatchLabels: c.service.Spec.Selector},
	}
	for _, spread := range c.deployment.Spec.Template.Spec.TopologySpreadConstraints {
		selectors["spread over "+spread.TopologyKey] = spread.LabelSelector
	}
	if len(selectors) != 6 {
		t.Errorf("selectors %v", slices.Sorted(maps.Keys(selectors)))
	}
	for name, s := range selectors {
		if selector, err := metav1.LabelSelectorAsSelector(s); err != nil || selector.Empty() || !selector.Matches(pod) {
			t.Errorf("%s selects %v, the pods have %v, %v", name, selector, pod, err)
		}
	}
	if ref := c.scaler.Spec.ScaleTargetRef; ref.Kind != "Deployment" || ref.APIVersion != c.deployment.APIVersion || ref.Name != c.deployment.Name {
		t.Errorf("the autoscaler scales %+v", ref)
	}
	if c.deployment.Spec.Replicas != nil || *c.scaler.Spec.MinReplicas < 2 || c.scaler.Spec.MaxReplicas < 3 || c.budget.Spec.MaxUnavailable.IntValue() != 1 {
		t.Errorf("replicas %v, %d to %d, of which %s may be gone", c.deployment.Spec.Replicas, *c.scaler.Spec.MinReplicas, c.scaler.Spec.MaxReplicas, c.budget.Spec.MaxUnavailable)
	}
	if update := c.deployment.Spec.Strategy.RollingUpdate; update.MaxUnavailable.IntValue() != 0 || update.MaxSurge.IntValue() < 1 {
		t.Errorf("a rolling update: %+v", update)
	}
	if c.kustomize.Namespace != c.namespace.Name || c.kustomize.Images[0].Name != c.container(t).Image {
		t.Errorf("kustomization.yaml says %s, %+v", c.kustomize.Namespace, c.kustomize.Images)
	}
	env := lookUp(c.environ(t, c.secret.StringData))
	for name, variable := range map[string]string{"http": "TCB_LOGIN_LISTEN", "admin": "TCB_LOGIN_ADMIN_LISTEN"} {
		address, _ := env(variable)
		host, port, err := net.SplitHostPort(address)
		if err != nil || host != "" || port != fmt.Sprint(c.port(t, intstr.FromString(name))) {
			t.Errorf("%s is %q, the container's port %d", variable, address, c.port(t, intstr.FromString(name)))
		}
	}
	pages, operator := c.port(t, intstr.FromString("http")), c.port(t, intstr.FromString("admin"))
	if ports := c.service.Spec.Ports; len(ports) != 1 || c.port(t, ports[0].TargetPort) != pages {
		t.Errorf("the service has %+v, which are not the pages alone", ports)
	}
	var opened []int32
	for _, rule := range c.policy.Spec.Ingress {
		if len(rule.From) == 0 || len(rule.Ports) != 1 {
			t.Errorf("the policy lets in %+v", rule)
			continue
		}
		opened = append(opened, c.port(t, *rule.Ports[0].Port))
	}
	if !slices.Equal(opened, []int32{pages, operator}) || len(c.policy.Spec.PolicyTypes) != 2 {
		t.Errorf("the policy opens %v, of %v", opened, c.policy.Spec.PolicyTypes)
	}
	for _, rule := range c.policy.Spec.Egress {
		if len(rule.To) == 0 || len(rule.Ports) == 0 {
			t.Errorf("the policy lets out %+v", rule)
		}
	}
}

// TestKubernetesPod: a pod is nobody, can do nothing and writes nowhere; and its probes ask what the
// operator's listener answers.
func TestKubernetesPod(t *testing.T) {
	t.Parallel()
	c := readCluster(t)
	pod, container := c.deployment.Spec.Template.Spec, c.container(t)
	_, image := dockerfile(t)
	user := strings.Split(image.all("USER")[0], ":")[0]
	if s := pod.SecurityContext; !*s.RunAsNonRoot || fmt.Sprint(*s.RunAsUser) != user || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("the pod's security context: %+v; the image's user is %s", s, user)
	}
	if s := container.SecurityContext; *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || s.Privileged != nil ||
		!slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Capabilities.Add) != 0 {
		t.Errorf("the container's security context: %+v", s)
	}
	if *pod.AutomountServiceAccountToken || pod.HostNetwork || pod.HostPID || c.namespace.Labels["pod-security.kubernetes.io/enforce"] != "restricted" {
		t.Error("the pod is given more than it needs")
	}
	if r := container.Resources; r.Requests.Cpu().IsZero() || r.Requests.Memory().IsZero() || r.Limits.Memory().Cmp(*r.Requests.Memory()) < 0 {
		t.Errorf("resources %+v", r)
	}
	s := start(t, 3, nil, anywhere(t)...)
	for want, probe := range map[string]*corev1.Probe{"/healthz": container.LivenessProbe, "/readyz": container.ReadinessProbe, "/healthz ": container.StartupProbe} {
		if probe.HTTPGet.Path != strings.TrimSpace(want) || c.port(t, probe.HTTPGet.Port) != c.port(t, intstr.FromString("admin")) {
			t.Errorf("a probe asks %+v", probe.HTTPGet)
		}
		resp, err := http.Get(s.urls["admin"] + probe.HTTPGet.Path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", probe.HTTPGet.Path, resp.Status)
		}
	}
}

// A decoder that takes everything would make these tests worthless.
func TestKubernetesIsStrict(t *testing.T) {
	t.Parallel()
	const service = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
	for _, bad := range []string{
		"spec: {port: 80}\n", "Spec: {}\n", "spec: {}\nspec: {}\n", "spec: {ports: [{port: \"80\"}]}\n",
	} {
		if _, _, err := decoder(t).Decode([]byte(service+bad), nil, nil); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
