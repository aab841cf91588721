using System.Globalization;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Language.Declarations;

/// <summary>On what kind of device a project wants its models to run.</summary>
internal enum DeviceDemand
{
    /// <summary>CUDA where everything for it is there, else the built-in engine.</summary>
    Auto,

    /// <summary>The built-in engine.</summary>
    Cpu,

    /// <summary>CUDA, or an error.</summary>
    Cuda,

    /// <summary>The TorchSharp engine on the processor, or an error.</summary>
    TorchCpu,
}

/// <summary>
/// What a project's properties <c>MergeDevice</c>, <c>MergeDevicePrecision</c>, <c>MergeDeviceArithmetic</c> and <c>MergeDeviceMemory</c>
/// say.
/// </summary>
/// <param name="Demand">The kind of device.</param>
/// <param name="Index">Which of several CUDA devices, from 0.</param>
/// <param name="Precision">How matrices are multiplied; the built-in engine always computes in fp32.</param>
internal sealed record DeviceRequest(DeviceDemand Demand, int Index, DevicePrecision Precision)
{
    /// <summary>Name of the property that chooses the device.</summary>
    public const string DeviceProperty = "MergeDevice";

    /// <summary>Name of the property that keeps methods on whole matrices off the device.</summary>
    public const string ArithmeticProperty = "MergeDeviceArithmetic";

    /// <summary>Name of the property that chooses the precision.</summary>
    public const string PrecisionProperty = "MergeDevicePrecision";

    /// <summary>Name of the property that limits the memory for weights that stay on the device.</summary>
    public const string MemoryProperty = "MergeDeviceMemory";

    private const string Indexed = "cuda:";

    /// <summary>The valid devices, beside <c>cuda:N</c>.</summary>
    public static IReadOnlyList<string> Devices { get; } = ["auto", "cpu", "cuda", "torch-cpu"];

    /// <summary>The valid precisions.</summary>
    public static IReadOnlyList<string> Precisions { get; } = ["fp32", "bf16"];

    /// <summary>As a project file writes it.</summary>
    public string Device => Demand switch
    {
        DeviceDemand.Cpu => "cpu",
        DeviceDemand.TorchCpu => "torch-cpu",
        DeviceDemand.Cuda => string.Create(CultureInfo.InvariantCulture, $"{Indexed}{Index}"),
        _ => "auto",
    };

    /// <summary>Whether methods on whole matrices compute on the device too.</summary>
    public bool ComputesMatrices { get; init; } = true;

    /// <summary>Most bytes for weights that stay on the device; <see langword="null"/>: most of what is free.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>Reads the four properties; empty means <c>auto</c>, <c>fp32</c>, <c>true</c> and most of what is free.</summary>
    /// <param name="device"><c>auto</c>, <c>cpu</c>, <c>cuda</c>, <c>cuda:N</c> or <c>torch-cpu</c>.</param>
    /// <param name="precision"><c>fp32</c> or <c>bf16</c>.</param>
    /// <param name="arithmetic"><c>true</c> or <c>false</c>.</param>
    /// <param name="memory">A size such as <c>16GB</c>.</param>
    /// <param name="projectFile">Full path of the project file, for messages.</param>
    /// <exception cref="DiagnosticException"><see cref="DiagnosticCode.InvalidValue"/>.</exception>
    public static DeviceRequest Parse(string device, string precision, string arithmetic, string memory, string projectFile)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(precision);
        ArgumentNullException.ThrowIfNull(arithmetic);
        ArgumentNullException.ThrowIfNull(memory);
        var (demand, index) = DeviceOf(device.Trim())
            ?? throw Unknown(DeviceProperty, device, ["auto", "cpu", "cuda", Indexed + "N", "torch-cpu"], projectFile);
        return new DeviceRequest(demand, index, precision.Trim().ToUpperInvariant() switch
        {
            "" or "FP32" => DevicePrecision.Fp32,
            "BF16" => DevicePrecision.Bf16,
            _ => throw Unknown(PrecisionProperty, precision, Precisions, projectFile),
        })
        {
            ComputesMatrices = arithmetic.Trim().ToUpperInvariant() switch
            {
                "" or "TRUE" => true,
                "FALSE" => false,
                _ => throw Unknown(ArithmeticProperty, arithmetic, ["true", "false"], projectFile),
            },
            MemoryBytes = memory.Trim().Length == 0
                ? null
                : ByteSize.Parse(memory) ?? throw Unknown(MemoryProperty, memory, ["a size such as 16GB"], projectFile),
        };
    }

    private static (DeviceDemand, int)? DeviceOf(string device) => device.ToUpperInvariant() switch
    {
        "" or "AUTO" => (DeviceDemand.Auto, 0),
        "CPU" => (DeviceDemand.Cpu, 0),
        "CUDA" => (DeviceDemand.Cuda, 0),
        "TORCH-CPU" => (DeviceDemand.TorchCpu, 0),
        _ when device.StartsWith(Indexed, StringComparison.OrdinalIgnoreCase)
            && int.TryParse(device.AsSpan(Indexed.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var index) =>
                (DeviceDemand.Cuda, index),
        _ => null,
    };

    // Without a guess at what was meant: the nearest to "gpu" is "cpu".
    private static DiagnosticException Unknown(string property, string value, IReadOnlyList<string> valid, string projectFile) =>
        new(
            new Diagnostic(
                DiagnosticCode.InvalidValue,
                $"{property} '{value}' is unknown. Valid: {string.Join(", ", valid)}.",
                ProjectFile.FindProperty(projectFile, property)));
}
