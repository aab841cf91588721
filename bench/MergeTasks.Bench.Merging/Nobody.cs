using MergeTasks.Transformers.Engine;

namespace MergeTasks.Bench.Merging;

/// <summary>Observes activations and receives gradients, and does nothing with them.</summary>
internal sealed class Nobody : IActivationObserver, IGradientReceiver
{
    public static readonly Nobody Instance = new();

    public void Observe(in ModuleInput input)
    {
    }

    public void Receive(in GradientPiece piece)
    {
    }
}
