# The image is the static binary and nothing else: no shell, no package, no certificate store but the one below.
#
#   rustup target add x86_64-unknown-linux-musl          # and a musl C compiler: apt-get install musl-tools
#   scripts/static                                       # builds and tries dist/holmes-bot
#   docker build -t registry.example.com/holmes-bot:0.1.0 .
FROM gcr.io/distroless/static-debian12:nonroot AS roots

FROM scratch
COPY --from=roots /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY dist/holmes-bot /holmes-bot
# A number: `runAsNonRoot` cannot check a name.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/holmes-bot"]
CMD ["serve"]
