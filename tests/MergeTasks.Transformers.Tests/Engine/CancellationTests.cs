using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Tests.Golden;

namespace MergeTasks.Transformers.Tests.Engine;

public class CancellationTests
{
    [Fact]
    public void A_forward_pass_ends_within_a_layer()
    {
        using var golden = new GoldenModel("llama-A");
        using var cancellation = new CancellationTokenSource();
        var seen = new Recording(() => cancellation.Cancel());
        Assert.ThrowsAny<OperationCanceledException>(() => golden.Model.Observe(golden.Batch, seen, cancellation.Token));
        Assert.All(seen.Modules, module => Assert.Contains("layers.0", module, StringComparison.Ordinal));
        Assert.DoesNotContain(seen.Modules, module => module.Contains("mlp", StringComparison.Ordinal));
    }

    [Fact]
    public void A_backward_pass_ends_within_a_layer_and_the_model_runs_again_afterwards()
    {
        using var golden = new GoldenModel("llama-A");
        using var cancellation = new CancellationTokenSource();
        var seen = new Recording(() => cancellation.Cancel());
        Assert.ThrowsAny<OperationCanceledException>(() => golden.Model.Backward(golden.Batch, golden.Targets, seen, cancellation.Token));
        Assert.InRange(seen.Modules.Count, 1, 2);
        var whole = new Recording(() => { });
        golden.Model.Backward(golden.Batch, golden.Targets, whole);
        Assert.Equal(golden.Model.Parameters.Count, whole.Modules.Distinct().Count());
    }

    /// <summary>Lists what it is shown, and acts on the first of it.</summary>
    private sealed class Recording(Action first) : IActivationObserver, IGradientReceiver
    {
        public List<string> Modules { get; } = [];

        public void Observe(in ModuleInput input) => Add(input.Modules[0]);

        public void Receive(in GradientPiece piece) => Add(piece.Parameter);

        private void Add(string name)
        {
            Modules.Add(name);
            if (Modules.Count == 1)
                first();
        }
    }
}
