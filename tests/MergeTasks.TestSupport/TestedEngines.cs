using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.TestSupport;

/// <summary>
/// The engines that the reference data are held against: always the processor's own; with TorchSharp also that on its devices.
/// </summary>
internal static class TestedEngines
{
    public const string Processor = "cpu";

    public static IReadOnlyList<string> Names { get; } =
    [
        Processor,
        .. OnTorch(),
    ];

    public static ITransformerEngine Open(string name, EngineOptions? options = null) => name == Processor
        ? new CpuEngine(options ?? new EngineOptions { Threads = 2 })
#if WITH_TORCH
        : new Torch.TorchEngine(new DeviceOptions { Kind = name == "torch-cuda" ? DeviceKind.Cuda : DeviceKind.Processor, Threads = 2 });
#else
        : throw new ArgumentOutOfRangeException(nameof(name), name, "Built without TorchSharp.");
#endif

    /// <summary>Every engine with every one of some cases, for a theory of two parameters.</summary>
    public static IEnumerable<object[]> With(IEnumerable<string> cases) =>
        cases.SelectMany(one => Names.Select(engine => new object[] { engine, one }));

    private static string[] OnTorch()
    {
#if WITH_TORCH
        return Torch.TorchEngine.FindsCuda ? ["torch", "torch-cuda"] : ["torch"];
#else
        return [];
#endif
    }
}
