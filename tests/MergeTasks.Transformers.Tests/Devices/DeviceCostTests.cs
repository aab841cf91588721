#if WITH_TORCH
using MergeTasks.Torch;
using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Statistics;
using MergeTasks.Transformers.Tests.Golden;
using TorchSharp;

namespace MergeTasks.Transformers.Tests.Devices;

/// <summary>
/// What would be slow or large on a device: times that the host waits for it, and tensors that stay there. Both are counted.
/// </summary>
public class DeviceCostTests
{
    [Theory]
    [InlineData("llama-A")]
    [InlineData("gpt2-A")]
    [InlineData("mixtral-A")]
    [InlineData("bert-cls-A")]
    public void All_gradients_of_a_batch_leave_the_device_together(string name)
    {
        using var engine = Engine();
        using var golden = new GoldenModel(name);
        using var model = engine.Load(golden.Folder);
        var together = new GradientCollector();
        model.Backward(golden.Batch, golden.Targets, together);
        Assert.Equal(1, engine.Runtime.Outbox.Transfers);

        using var small = Engine();
        small.Runtime.Outbox.Capacity = 100;
        using var other = small.Load(golden.Folder);
        var inParts = new GradientCollector();
        other.Backward(golden.Batch, golden.Targets, inParts);
        Assert.Equal(model.Parameters.Keys.Order(), together.Names.Order());
        foreach (var parameter in together.Names)
            Assert.Equal(together[parameter], inParts[parameter]);
        Assert.InRange(small.Runtime.Outbox.Transfers, 100, long.MaxValue);
    }

    [Fact]
    public void A_layer_of_experts_waits_for_the_device_once()
    {
        var without = CopiesOf("llama-A", out _);
        var with = CopiesOf("mixtral-A", out var mixtral);
        var experts = mixtral.Parameters.Keys.Count(name => name.Contains("experts.0.w1", StringComparison.Ordinal));
        Assert.Equal(without + experts, with);
    }

    [Fact]
    public void Observed_sums_leave_the_device_once_for_each_part()
    {
        using var engine = Engine();
        using var golden = new GoldenModel("llama-A");
        using var model = engine.Load(golden.Folder);
        var layers = model.Parameters.Keys.Count(name => name.EndsWith("input_layernorm.weight", StringComparison.Ordinal));
        var statistics = new ChannelStatistics();
        var before = HostCopies.Count;
        model.Observe(golden.Batch, statistics);
        Assert.Equal(layers + 1, HostCopies.Count - before);
        Assert.True(statistics.Modules.Count() > 2 * layers);
    }

    [Theory]
    [InlineData("llama-A")]
    [InlineData("gemma2-A")]
    [InlineData("mixtral-A")]
    [InlineData("roberta-mlm-A")]
    public void No_tensor_stays_after_a_run(string name)
    {
        using var engine = Engine();
        using var golden = new GoldenModel(name);
        using var model = engine.Load(golden.Folder);
        var before = Alive;
        Run();
        var alive = Alive;
        Assert.InRange(alive - before, 1, model.Parameters.Count);
        for (var i = 0; i < 8; i++)
            Run();
        Assert.Equal(alive, Alive);

        void Run()
        {
            model.Score(golden.Batch, golden.Targets);
            model.Observe(golden.Batch, new ChannelStatistics());
            model.Backward(golden.Batch, golden.Targets, new GradientCollector());
        }
    }

    [Theory]
    [InlineData("llama-A")]
    [InlineData("gpt2-A")]
    [InlineData("gemma2-A")]
    [InlineData("qwen3-A")]
    public void A_block_frees_its_steps_before_the_next_one_runs(string name)
    {
        using var engine = Engine();
        using var golden = new GoldenModel(name);
        using var model = engine.Load(golden.Folder);
        model.Score(golden.Batch, golden.Targets);
        var before = Alive;
        var watcher = new Watcher();
        model.Observe(golden.Batch, watcher);
        var layer = model.Parameters.Keys.Count(parameter => parameter.Contains(".0.", StringComparison.Ordinal));

        // Beside a layer's weights and what is kept for the observer of each of its inputs: the rows in and out, the piece's tables, and a
        // block's own few.
        Assert.InRange(watcher.Most - before, layer, 2 * layer + 16);
    }

    private static long Alive => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

    private static TorchEngine Engine() => new(new DeviceOptions { Threads = 2 });

    private static long CopiesOf(string name, out ITransformerModel model)
    {
        using var engine = Engine();
        using var golden = new GoldenModel(name);
        using var loaded = engine.Load(golden.Folder);
        model = loaded;
        var before = HostCopies.Count;
        loaded.Score(golden.Batch, golden.Targets);
        return HostCopies.Count - before;
    }

    // Asked for each row in the middle of a run.
    private sealed class Watcher : IChannelObserver
    {
        public long Most { get; private set; }

        public bool Includes(int batchRow)
        {
            Most = Math.Max(Most, Alive);
            return true;
        }

        public void Add(IReadOnlyList<string> modules, ChannelTotals totals)
        {
        }

        public void Observe(in ModuleInput input)
        {
        }
    }
}
#endif
