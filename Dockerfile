# The image that takes the place of registry:2's: one static binary, one configuration, and the
# authorities that the web trusts.
#
#   docker build -t wharf .
#   docker run -d -p 5000:5000 -v /myregistry:/var/lib/registry --name registry wharf

# Any image with cargo, a C compiler, a C library to link statically and ca-certificates will do. The authorities of the
# latter go along: identity providers and directories are asked over TLS.
ARG RUST_IMAGE=rust:1.95-slim-bookworm
FROM ${RUST_IMAGE} AS build
# A profile of cargo's; dev builds faster.
ARG PROFILE=release
WORKDIR /src
COPY . .
# That the target is named, although it is this machine's own, keeps the flags away from what runs while building:
# procedural macros cannot be static.
RUN set -eu; \
    target=$(rustc -vV | sed -n 's/^host: //p'); \
    RUSTFLAGS='-C target-feature=+crt-static' \
        cargo build --locked --profile "$PROFILE" --target "$target" --bin wharf; \
    mkdir -p /image/bin /image/etc/distribution /image/etc/docker/registry /image/etc/ssl/certs; \
    cp target/"$target"/*/wharf /image/bin/wharf; \
    ln -s wharf /image/bin/registry; \
    cp config/image.yml /image/etc/distribution/config.yml; \
    cp config/image.yml /image/etc/docker/registry/config.yml; \
    cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt

FROM scratch
COPY --from=build /image/ /
# Says to the binary that it stands in registry:2's place: where its configuration may be mounted, and its volume.
ENV WHARF_IMAGE=1
VOLUME ["/var/lib/registry"]
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=6s CMD ["/bin/wharf", "health"]
ENTRYPOINT ["/bin/wharf"]
CMD ["serve"]
