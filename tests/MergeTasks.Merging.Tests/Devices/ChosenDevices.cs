using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Devices;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Tests.Devices;

/// <summary>Which engine runs models, from what the project says and what is there.</summary>
public sealed class ChosenDevices
{
    private static readonly TorchPackages Cpu = new(["/cpu"], []);
    private static readonly TorchPackages Cuda = new([], ["/cuda/1", "/cuda/2"]);

    [Theory]
    [InlineData("", "", DeviceDemand.Auto, 0, DevicePrecision.Fp32)]
    [InlineData("auto", "fp32", DeviceDemand.Auto, 0, DevicePrecision.Fp32)]
    [InlineData(" CPU ", "", DeviceDemand.Cpu, 0, DevicePrecision.Fp32)]
    [InlineData("cuda", "BF16", DeviceDemand.Cuda, 0, DevicePrecision.Bf16)]
    [InlineData("cuda:3", "bf16", DeviceDemand.Cuda, 3, DevicePrecision.Bf16)]
    [InlineData("torch-cpu", "", DeviceDemand.TorchCpu, 0, DevicePrecision.Fp32)]
    internal void Properties_are_read(string device, string precision, DeviceDemand demand, int index, DevicePrecision expected) =>
        Assert.Equal(new DeviceRequest(demand, index, expected), DeviceRequest.Parse(device, precision, "", "", "/p.csproj"));

    [Theory]
    [InlineData("gpu", "", "MergeDevice 'gpu' is unknown. Valid: auto, cpu, cuda, cuda:N, torch-cpu.")]
    [InlineData("cuda:", "", "MergeDevice 'cuda:' is unknown. Valid: ")]
    [InlineData("cuda:-1", "", "MergeDevice 'cuda:-1' is unknown.")]
    [InlineData("cuda:+1", "", "MergeDevice 'cuda:+1' is unknown.")]
    [InlineData("cuda", "fp16", "MergeDevicePrecision 'fp16' is unknown. Valid: fp32, bf16.")]
    public void Unknown_values_are_refused_where_they_stand(string device, string precision, string message)
    {
        using var folder = new TempFolder();
        File.WriteAllText(
            folder["p.csproj"],
            "<Project>\n  <PropertyGroup>\n    <MergeDevice>x</MergeDevice>\n    <MergeDevicePrecision>x</MergeDevicePrecision>\n  "
                + "</PropertyGroup>\n</Project>");
        var diagnostic = Assert.Single(
            Assert.Throws<DiagnosticException>(() => DeviceRequest.Parse(device, precision, "", "", folder["p.csproj"])).Diagnostics);
        Assert.Equal(DiagnosticCode.InvalidValue, diagnostic.Code);
        Assert.StartsWith(message, diagnostic.Message, StringComparison.Ordinal);
        Assert.Equal(new SourceLocation(folder["p.csproj"], precision.Length > 0 ? 4 : 3, 6), diagnostic.Location);
    }

    [Fact]
    public void Arithmetic_on_the_device_can_be_switched_off()
    {
        Assert.True(DeviceRequest.Parse("", "", "", "", "/p.csproj").ComputesMatrices);
        Assert.True(DeviceRequest.Parse("", "", "true", "", "/p.csproj").ComputesMatrices);
        Assert.False(DeviceRequest.Parse("cuda", "", " False ", "", "/p.csproj").ComputesMatrices);
        var diagnostic = Assert.Single(
            Assert.Throws<DiagnosticException>(() => DeviceRequest.Parse("", "", "off", "", "/p.csproj")).Diagnostics);
        Assert.Equal(
            (DiagnosticCode.InvalidValue, "MergeDeviceArithmetic 'off' is unknown. Valid: true, false."),
            (diagnostic.Code, diagnostic.Message));
    }

    public static IEnumerable<ITheoryDataRow> Machines => new TheoryData<string, bool, TorchPackages, CudaDevices, string?, string>
    {
        // Asked for, engine, libraries, driver; device, reason or error.
        { "cuda", false, TorchPackages.None, new(1), null, "the package MergeTasks.Torch is missing" },
        { "cuda", true, TorchPackages.None, new(1), null, NoPackage("libtorch for CUDA", "TorchSharp-cuda-") },
        { "cuda", true, Cpu, new(1), null, NoPackage("libtorch for CUDA", "TorchSharp-cuda-") },
        {
            "cuda",
            true,
            Cuda,
            new(0, "libcuda.so.1 cannot be loaded"),
            null,
            "NVIDIA's driver is missing or does not work: libcuda.so.1 cannot be loaded"
        },
        { "cuda", true, Cuda, new(0), null, "there is no CUDA device: NVIDIA's driver finds none" },
        { "cuda:2", true, Cuda, new(2), null, "there is no CUDA device of that number: NVIDIA's driver finds 2, from cuda:0 to cuda:1" },
        { "cuda", true, Cuda, new(1), "cuda:0", "models run on cuda:0" },
        { "cuda:1", true, Cuda, new(2), "cuda:1", "models run on cuda:1" },
        { "torch-cpu", false, Cpu, new(0), null, "the package MergeTasks.Torch is missing" },
        {
            "torch-cpu",
            true,
            TorchPackages.None,
            new(0),
            null,
            NoPackage("libtorch", $"libtorch-cpu-{TorchPackages.Platform}, or is not restored. ")
        },
        { "torch-cpu", true, Cpu, new(0), "torch-cpu", "models run on torch-cpu" },
        { "torch-cpu", true, Cuda, new(0), "torch-cpu", "models run on torch-cpu" },
        { "auto", true, Cuda, new(1), "cuda:0", "models run on cuda:0" },
        {
            "auto",
            true,
            Cpu,
            new(1),
            null,
            "models run on the built-in engine, because " + NoPackage("libtorch for CUDA", "TorchSharp-cuda-")
        },
        {
            "auto",
            true,
            Cuda,
            new(0, "libcuda.so.1 cannot be loaded"),
            null,
            "models run on the built-in engine, because NVIDIA's driver is missing"
        },
        { "auto", true, Cuda, new(0), null, "models run on the built-in engine, because there is no CUDA device" },
        {
            "auto",
            false,
            TorchPackages.None,
            new(1),
            null,
            "models run on the built-in engine, because the package MergeTasks.Torch is missing"
        },
        { "cpu", true, Cuda, new(1), null, "models run on the built-in engine, as MergeDevice says" },
    };

    [Theory]
    [MemberData(nameof(Machines))]
    internal void A_device_is_taken_where_all_it_needs_is_there(
        string asked, bool hasEngine, TorchPackages packages, CudaDevices devices, string? device, string text)
    {
        var request = DeviceRequest.Parse(asked, "", "", "", "/p.csproj");
        var chooser = new DeviceChooser("/p.csproj", hasEngine, () => packages, new Driver(() => devices));
        if (device is null && request.Demand is not (DeviceDemand.Auto or DeviceDemand.Cpu))
        {
            var diagnostic = Assert.Single(Assert.Throws<DiagnosticException>(() => chooser.Choose(request)).Diagnostics);
            Assert.Equal(DiagnosticCode.DeviceMissing, diagnostic.Code);
            Assert.StartsWith($"MergeDevice is '{request.Device}', but {text}", diagnostic.Message, StringComparison.Ordinal);
            return;
        }

        var (chosen, reason) = chooser.Choose(request);
        Assert.Equal(device, chosen?.Name);
        Assert.StartsWith(text, reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_is_a_size_and_reaches_the_engine()
    {
        Assert.Null(DeviceRequest.Parse("", "", "", "", "/p.csproj").MemoryBytes);
        var request = DeviceRequest.Parse("cuda", "", "", "16GB", "/p.csproj");
        Assert.Equal(16_000_000_000, request.MemoryBytes);
        var chooser = new DeviceChooser(
            "/p.csproj", hasEngine: true, () => new TorchPackages([], ["/cuda"]), new Driver(() => new CudaDevices(1)));
        Assert.Equal(16_000_000_000, chooser.Choose(request).Device!.ToOptions(1).MemoryBytes);
        var diagnostic = Assert.Single(
            Assert.Throws<DiagnosticException>(() => DeviceRequest.Parse("", "", "", "much", "/p.csproj")).Diagnostics);
        Assert.Equal(DiagnosticCode.InvalidValue, diagnostic.Code);
        Assert.Contains("MergeDeviceMemory 'much'", diagnostic.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_looked_for_that_does_not_matter()
    {
        var chooser = new DeviceChooser(
            "/p.csproj", true, () => throw new InvalidOperationException(), new Driver(() => throw new InvalidOperationException()));
        Assert.Null(chooser.Choose(DeviceRequest.Parse("cpu", "", "", "", "")).Device);
        var processor = new DeviceChooser("/p.csproj", true, () => Cpu, new Driver(() => throw new InvalidOperationException()));
        Assert.Equal("torch-cpu", processor.Choose(DeviceRequest.Parse("torch-cpu", "", "", "", "")).Device!.Name);
        Assert.Null(processor.Choose(DeviceRequest.Parse("auto", "", "", "", "")).Device);
    }

    [Fact]
    public void Options_carry_what_was_chosen()
    {
        var options = new DeviceChoice(DeviceKind.Cuda, 2, DevicePrecision.Bf16, ["/a"]).ToOptions(threads: 3);
        Assert.Equal((DeviceKind.Cuda, 2, DevicePrecision.Bf16, 3), (options.Kind, options.Index, options.Precision, options.Threads));
        Assert.Equal(["/a"], options.LibraryFolders);
        Assert.Equal(Environment.ProcessorCount, new DeviceChoice(DeviceKind.Cuda, 0, DevicePrecision.Fp32, []).ToOptions(0).Threads);
    }

    [Fact]
    public void The_drivers_answer_is_a_number_or_a_reason()
    {
        var devices = new CudaDriver().Find();
        Assert.True(devices.Fault is null || devices.Count == 0);
        if (OperatingSystem.IsLinux() && !File.Exists("/dev/nvidiactl"))
            Assert.Equal(0, devices.Count);
    }

    [Fact]
    public void A_deferred_engine_is_made_once_and_must_be_the_one_that_was_planned_for()
    {
        var made = 0;
        var engine = new DeferredEngine("torch-1-cpu-fp32", () => { made++; return new NamedEngine("torch-1-cpu-fp32"); });
        Assert.Equal("torch-1-cpu-fp32", engine.NumericsVersion);
        Assert.Equal(0, made);
        Assert.Throws<NotSupportedException>(() => engine.Load("a"));
        Assert.Throws<NotSupportedException>(() => engine.Load("b"));
        Assert.Equal(1, made);
        Assert.Throws<InvalidOperationException>(() =>
            new DeferredEngine("torch-1-cuda-fp32", () => new NamedEngine("torch-1-cpu-fp32")).Load("a"));
    }

    private static string NoPackage(string what, string package) => TorchPackages.Platforms.Contains(TorchPackages.Platform)
        ? $"a package with {what} for {TorchPackages.Platform} is missing: the project has no PackageReference to {package}"
        : $"TorchSharp has no libraries for {TorchPackages.Platform}, only for linux-x64, win-x64, osx-arm64";

    private sealed class Driver(Func<CudaDevices> find) : ICudaDriver
    {
        public CudaDevices Find() => find();
    }

    private sealed class NamedEngine(string version) : ITransformerEngine
    {
        public string NumericsVersion => version;

        public ITransformerModel Load(string folder) => throw new NotSupportedException();

        public ITransformerModel Load(
            string folder, ReadOnlyMemory<byte> configuration, IReadOnlyDictionary<string, ParameterValue> tensors) =>
            throw new NotSupportedException();
    }
}
