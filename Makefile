# make run    the fine-tuning example, in a release build
# make test   the tests (CONTRIBUTING.md says which are skipped where), and a minute of damaged files for all readers
# make test-sanitized   under the address, undefined-behaviour and thread sanitizers
# make documentation   the reference of all products, with their guides; a warning fails
# make fuzz   damaged files for SECONDS=…; what is found is kept in Tests/Fuzz/Corpus
# All install the missing Debian packages (as root or with sudo), or print the line that does.

PACKAGES = libopenblas-dev liblapacke-dev libarchive-dev libssl-dev libturbojpeg0-dev libpng-dev libwebp-dev \
	libgif-dev libtiff-dev zlib1g-dev libopenmpi-dev openmpi-bin
PRODUCTS = NNCore NNFiles NNCUDA NNLayers NNExport NNData NNModels NNLightning NNDistributed
ARGS =
SECONDS = 3600

.PHONY: run test test-sanitized documentation fuzz setup lint format

run: setup
	@echo "==> Building in release (the first build takes some minutes)"
	swift build -c release --product FineTuneExample
	@echo "==> Running FineTuneExample $(ARGS)"
	swift run -c release --skip-build FineTuneExample $(ARGS)

test: setup
	@echo "==> Building library, examples and tests in release"
	swift build -c release --build-tests
	@echo "==> Running the tests"
	@bash -o pipefail -c 'swift test -c release --skip-build 2>&1 | awk -f Tests/quiet.awk'
	@echo "==> Feeding the readers with damaged files for a minute"
	swift run -c release --skip-build Fuzz --seconds 60

fuzz: setup
	swift build -c release --product Fuzz
	swift run -c release --skip-build Fuzz --seconds $(SECONDS)

# In release: without optimisation the kernels take hours. Swift knows no undefined-behaviour sanitizer on Linux, so the C code
# alone has one, which traps.
MEMORY_SUITES = NNCoreTests|NNFilesTests|NNLayersTests|NNDataTests|NNModelsTests|NNLightningTests
THREAD_SUITES = ThreadPoolTests|DeterminismTests|DataLoaderTests|LoadingOptionsTests|DatasetTests|ImageCacheTests|FrozenFeatureTests|TrainerTests|RunningTests|DecodeOnceTests
MEMORY = -c release --sanitize=address -Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined --scratch-path .build-address
THREADS = -c release --sanitize=thread --scratch-path .build-thread

test-sanitized: setup
	@echo "==> Memory and undefined behaviour (the build takes some minutes)"
	swift build --build-tests $(MEMORY)
	@ASAN_OPTIONS=detect_leaks=0 bash -o pipefail -c \
	  'swift test --skip-build $(MEMORY) --filter "$(MEMORY_SUITES)" 2>&1 | awk -f Tests/quiet.awk'
	@echo "==> Threads (the build takes some minutes)"
	swift build --build-tests $(THREADS)
	@TSAN_OPTIONS=halt_on_error=1 bash -o pipefail -c \
	  'swift test --skip-build $(THREADS) --filter "$(THREAD_SUITES)" 2>&1 | awk -f Tests/quiet.awk'

# The variable makes Package.swift name the plugin. Comments describe the parameters that need words, not all of them.
documentation: setup
	NN_DOCUMENTATION=1 swift package --scratch-path .build-documentation generate-documentation \
	  $(addprefix --target ,$(PRODUCTS)) --warnings-as-errors --disable-parameters-and-returns-validation

setup:
	@command -v swift >/dev/null || { echo "Swift 6 is needed: https://www.swift.org/install/linux"; exit 1; }
	@missing=""; for package in $(PACKAGES); do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q "ok installed" || missing="$$missing $$package"; \
	done; \
	if [ -z "$$missing" ]; then echo "==> Debian packages are there"; \
	elif [ "$$(id -u)" = 0 ]; then \
	  echo "==> Installing$$missing"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing; \
	elif sudo -n true 2>/dev/null; then \
	  echo "==> Installing$$missing (with sudo)"; \
	  sudo apt-get update -qq && sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing; \
	else \
	  echo "These Debian packages are missing; please run:"; \
	  echo "  sudo apt-get update && sudo apt-get install -y$$missing"; exit 1; \
	fi

lint:
	swift format lint --strict --recursive Package.swift Sources Tests Examples Benchmarks/Package.swift Benchmarks/Sources

format:
	swift format --in-place --recursive Package.swift Sources Tests Examples Benchmarks/Package.swift Benchmarks/Sources
