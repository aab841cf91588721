using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Tests.Golden;

namespace MergeTasks.Transformers.Tests.Engine;

/// <summary>What the interface promises about copies and order, beside the numbers.</summary>
public class InterventionCostTests
{
    [Fact]
    public void Replacing_a_parameter_copies_none_of_the_others()
    {
        using var golden = new GoldenModel("llama-A");
        var size = golden.Model.Parameters.Values.Sum(value => value.ElementCount * sizeof(float));
        var norm = golden.Model.Parameters["model.norm.weight"];
        using var warm = golden.Model.Replacing(new Dictionary<string, ParameterValue> { ["model.norm.weight"] = norm });
        var before = GC.GetAllocatedBytesForCurrentThread();
        using var changed = golden.Model.Replacing(new Dictionary<string, ParameterValue> { ["model.norm.weight"] = norm });
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, size / 4);
        foreach (var (name, value) in golden.Model.Parameters)
            Assert.Same(value, changed.Parameters[name]);
    }

    [Fact]
    public void Gradients_come_whole_and_from_the_last_layer_to_the_first()
    {
        using var golden = new GoldenModel("llama-A");
        var order = new Order();
        golden.Model.Backward(golden.Batch, golden.Targets, order);
        Assert.Equal(order.Names.Distinct(), order.Names);
        Assert.Equal("lm_head.weight", order.Names[0]);
        Assert.Equal("model.embed_tokens.weight", order.Names[^1]);
        var layers = order.Names
            .Where(name => name.StartsWith("model.layers.", StringComparison.Ordinal))
            .Select(name => name[13] - '0')
            .ToArray();
        Assert.Equal(layers.OrderDescending(), layers);
    }

    /// <summary>The parameters in the order in which their first pieces come; one that comes back appears twice.</summary>
    private sealed class Order : IGradientReceiver
    {
        public List<string> Names { get; } = [];

        public void Receive(in GradientPiece piece)
        {
            if (Names.Count == 0 || Names[^1] != piece.Parameter)
                Names.Add(piece.Parameter);
        }
    }
}
