# One static binary on an empty image.
#
#   docker build -t tcb-login --build-arg VERSION=1.2.3 --build-arg REVISION=$(git rev-parse HEAD) \
#     --build-arg CREATED=$(date -u +%Y-%m-%dT%H:%M:%SZ) --build-arg SOURCE=$(git remote get-url origin) .
#   docker run -p 8080:8080 -v ./settings:/etc/tcb-login:ro \
#     -e TCB_LOGIN_SETTINGS=/etc/tcb-login/settings.yaml -e TCB_LOGIN_KEY -v tcb-login:/data tcb-login
#
# Without settings it says so and stops. `docker run -p 127.0.0.1:8080:8080 tcb-login -demo` runs the
# demo, for the machine it runs on: its emulator stays on the container's own loopback, so the outbox with
# the codes cannot be reached from outside. Use `go run .` for a first look with everything.

FROM golang:1.26 AS build
WORKDIR /src

# Modules first: they change less often than the code.
COPY go.mod go.sum ./
RUN go mod download

COPY . .
ARG VERSION=""
# No cgo: SQLite is Go too, so nothing on the final image is needed to run it.
# The flags are those of a release (scripts/release.sh), so that it is the same program to the byte.
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /out/tcb-login .
# An empty image has no mkdir and no chown.
RUN mkdir /out/data /out/tmp

FROM scratch
# To check TCB's certificates.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/tcb-login /tcb-login
COPY --from=build /src/NOTICE /NOTICE
COPY --from=build --chown=65532:65532 /out/data /data
# Where `emulator` keeps what it forgets at its end.
COPY --from=build --chown=65532:65532 /out/tmp /tmp

# A number, since an empty image has no names, and so that Kubernetes sees that it is not root.
USER 65532:65532

# In a container the outside comes in by its own network; 127.0.0.1 would answer nobody. CONTAINER
# keeps a deployment that lacks its settings from becoming a demo.
ENV TCB_LOGIN_CONTAINER=1 \
    TCB_LOGIN_LISTEN=:8080 \
    TCB_LOGIN_DATA=/data
# The pages, and the operator's listener, which is off until TCB_LOGIN_ADMIN_LISTEN=:8082 asks for it:
# health, readiness and the preview, for the network inside. Never publish that port.
EXPOSE 8080 8082
# The key that seals cookies, when the settings name none, and the emulator's database.
VOLUME ["/data"]

# There is no shell and no curl: the program asks itself.
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["/tcb-login", "-health"]
ENTRYPOINT ["/tcb-login"]

# What the image is and which commit it was built from. They stand last, so that nothing is built anew for
# them; a stage has to ask for what it uses.
ARG VERSION="" REVISION="" CREATED="" SOURCE=""
LABEL org.opencontainers.image.title="tcb-login" \
      org.opencontainers.image.description="Login page and account portal of apps on Tencent CloudBase" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}"
