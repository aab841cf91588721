namespace MergeTasks.Transformers.Engine;

/// <summary>Where an engine that knows several devices runs models.</summary>
internal enum DeviceKind
{
    /// <summary>The processor.</summary>
    Processor,

    /// <summary>A CUDA device.</summary>
    Cuda,
}

/// <summary>How an engine on a device multiplies matrices.</summary>
internal enum DevicePrecision
{
    /// <summary>Operands and sums in fp32, without TensorFloat-32.</summary>
    Fp32,

    /// <summary>Operands and results of products with weights rounded to bf16, sums in fp32; everything else stays fp32.</summary>
    Bf16,
}

/// <summary>A device and how it is used; the default is the processor in fp32.</summary>
internal sealed record DeviceOptions
{
    /// <summary>What kind of device.</summary>
    public DeviceKind Kind { get; init; }

    /// <summary>Which of several CUDA devices, from 0 on. Results do not depend on it.</summary>
    public int Index { get; init; }

    /// <summary>How matrices are multiplied.</summary>
    public DevicePrecision Precision { get; init; }

    /// <summary>Most threads of the processor; default: one per core.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>
    /// Most bytes of the device's memory for weights that stay there between runs; null: as much as leaves room to compute. Results do not
    /// depend on it.
    /// </summary>
    public long? MemoryBytes { get; init; }

    /// <summary>Folders with the native libraries, where the host does not find them by itself; empty otherwise.</summary>
    public IReadOnlyList<string> LibraryFolders { get; init; } = [];

    /// <summary>Told, once for each reason, what the engine had to do otherwise than usual, such as running smaller batches.</summary>
    public Action<string>? Told { get; init; }

    /// <summary>
    /// <see cref="ITransformerEngine.NumericsVersion"/> of the TorchSharp engine with these options, known before any of it is loaded.
    /// </summary>
    public string NumericsVersion =>
        $"torch-3-{(Kind == DeviceKind.Cuda ? "cuda" : "cpu")}-{(Precision == DevicePrecision.Bf16 ? "bf16" : "fp32")}";

    /// <summary>
    /// The version of the arithmetic on whole matrices that merging does on such a device, always in fp64; known before any of it is
    /// loaded.
    /// </summary>
    public string MatrixNumericsVersion => $"torch-matrices-1-{(Kind == DeviceKind.Cuda ? "cuda" : "cpu")}";
}
