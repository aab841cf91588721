using MergeTasks.Numerics.Algebra;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch;

/// <summary>The processor's arithmetic under a device's name, which tells of each tensor.</summary>
internal sealed class StandInMatrices(DeviceOptions options) : IMatrixDevice
{
    public string NumericsVersion => options.MatrixNumericsVersion;

    public IMatrixArithmetic Begin(CancellationToken cancellation)
    {
        options.Told?.Invoke($"stand-in matrices in process {Environment.ProcessId}");
        return new ProcessorMatrices(options.Threads, cancellation);
    }

    public void TellThatProcessorMerges(string tensor, DeviceRefusal why) =>
        options.Told?.Invoke($"'{tensor}' is merged on the processor: {why}");
}
