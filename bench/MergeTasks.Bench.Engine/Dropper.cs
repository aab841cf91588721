using MergeTasks.Transformers.Engine;

namespace MergeTasks.Bench.Engine;

/// <summary>Takes gradients and keeps none.</summary>
internal sealed class Dropper : IGradientReceiver
{
    public void Receive(in GradientPiece piece)
    {
    }
}
