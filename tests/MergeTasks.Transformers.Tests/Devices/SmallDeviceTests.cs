#if WITH_TORCH
using System.Runtime.InteropServices;
using MergeTasks.Torch;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Statistics;
using MergeTasks.Transformers.Tests.Golden;

namespace MergeTasks.Transformers.Tests.Devices;

/// <summary>The TorchSharp engine where memory is short: what it does then, what it says, and that results stay as they are.</summary>
public class SmallDeviceTests
{
    [Theory]
    [InlineData("llama-A")]
    [InlineData("qwen2-A")]
    [InlineData("mixtral-A")]
    [InlineData("bert-mlm-A")]
    public void Weights_that_do_not_stay_change_no_bit(string name)
    {
        using var roomy = new TorchEngine(new DeviceOptions { Threads = 2 });
        var told = new List<string>();
        using var small = new TorchEngine(new DeviceOptions { Threads = 2, MemoryBytes = 20_000, Told = told.Add });
        var expected = Results(roomy, name);
        Assert.Equal(expected, Results(small, name));
        Assert.Contains("does not hold all weights", Assert.Single(told), StringComparison.Ordinal);
        Assert.InRange(small.Runtime.Weights.KeptBytes, 0, 20_000);
    }

    [Theory]
    [InlineData("llama-A")]
    [InlineData("gpt2-A")]
    [InlineData("roberta-mlm-A")]
    public void A_batch_that_does_not_fit_runs_in_parts_and_that_is_said_once(string name)
    {
        var told = new List<string>();
        using var roomy = new TorchEngine(new DeviceOptions { Threads = 2 });
        using var small = new TorchEngine(new DeviceOptions { Threads = 2, Told = told.Add });
        using var golden = new GoldenModel(name);
        var longest = golden.Batch.Sequences.Max(sequence => sequence.Ids.Count);
        small.Runtime.Starting = rows => FailAbove(rows, longest);
        Near(Results(roomy, name), Results(small, name));
        Assert.Single(told, message => message.Contains("rows at once", StringComparison.Ordinal));
        Assert.Equal(told.Distinct(), told);
    }

    [Fact]
    public void Weights_make_room_for_a_sequence_that_does_not_fit_beside_them()
    {
        var told = new List<string>();
        using var roomy = new TorchEngine(new DeviceOptions { Threads = 2 });
        using var small = new TorchEngine(new DeviceOptions { Threads = 2, Told = told.Add });
        small.Runtime.Starting = rows =>
        {
            if (rows > 0 && small.Runtime.Weights.KeptBytes > 10_000)
                throw new OutOfMemory();
        };
        Near(Results(roomy, "llama-A"), Results(small, "llama-A"));
        Assert.Contains(told, message => message.Contains("weights", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("gpt2-A")]
    [InlineData("mixtral-A")]
    public void Whatever_fails_once_everything_is_handed_out_once(string name)
    {
        var expected = WithFailure(name, int.MaxValue, out var steps);
        Assert.True(steps > 10);
        for (var step = 0; step < steps; step++)
            Near(expected, WithFailure(name, step, out _));
    }

    [Fact]
    public void A_fault_of_the_device_is_no_want_of_memory()
    {
        using var broken = new TorchEngine();
        broken.Runtime.Starting = _ => throw new DeviceFault();
        using var golden = new GoldenModel("llama-A");
        using var model = broken.Load(golden.Folder);
        var refused = Assert.Throws<ModelException>(() => model.Score(golden.Batch, golden.Targets));
        Assert.Equal(ModelError.NoDevice, refused.Error);
        Assert.Contains("no kernel image", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_does_not_fit_at_all_is_refused()
    {
        using var small = new TorchEngine();
        small.Runtime.Starting = rows => FailAbove(rows, 0);
        using var golden = new GoldenModel("llama-A");
        using var model = small.Load(golden.Folder);
        var refused = Assert.Throws<ModelException>(() => model.Score(golden.Batch, golden.Targets));
        Assert.Equal(ModelError.NoMemory, refused.Error);
    }

    [Fact]
    public void An_intervention_leaves_nothing_on_the_device()
    {
        using var engine = new TorchEngine(new DeviceOptions { Threads = 2 });
        using var golden = new GoldenModel("llama-A");
        var model = engine.Load(golden.Folder);
        model.Score(golden.Batch, golden.Targets);
        var kept = engine.Runtime.Weights.KeptBytes;
        const string name = "model.layers.1.mlp.down_proj.weight";
        var value = ParameterValue.FromSingles(model.Parameters[name].Shape, new float[model.Parameters[name].ElementCount]);
        using (var changed = model.Replacing(new Dictionary<string, ParameterValue> { [name] = value }))
        {
            changed.Score(golden.Batch, golden.Targets);
            Assert.Equal(kept + value.ElementCount * sizeof(float), engine.Runtime.Weights.KeptBytes);
        }

        Assert.Equal(kept, engine.Runtime.Weights.KeptBytes);
        model.Dispose();
        Assert.Equal(0, engine.Runtime.Weights.KeptBytes);
    }

    [Theory]
    [InlineData("llama-A")]
    [InlineData("gpt2-A")]
    [InlineData("bert-mlm-A")]
    public void Rounded_operands_stay_near_the_reference(string name)
    {
        using var engine = new TorchEngine(new DeviceOptions { Threads = 2, Precision = DevicePrecision.Bf16 });
        using var golden = new GoldenModel(name);
        using var model = engine.Load(golden.Folder);
        var gradients = new GradientCollector();
        var scores = model.Backward(golden.Batch, golden.Targets, gradients);
        var exact = new GradientCollector();
        var reference = golden.Model.Backward(golden.Batch, golden.Targets, exact);
        Assert.All(
            reference.Zip(scores), pair => Assert.InRange(Math.Abs(pair.First.LogProbability - pair.Second.LogProbability), 0, 0.25));
        Assert.Contains(reference.Zip(scores), pair => pair.First.LogProbability != pair.Second.LogProbability);
        var (product, own, theirs) = (0.0, 0.0, 0.0);
        foreach (var parameter in exact.Names)
            foreach (var (a, b) in exact[parameter].Zip(gradients[parameter]))
                (product, own, theirs) = (product + (double)a * b, own + (double)a * a, theirs + (double)b * b);
        Assert.InRange(product / Math.Sqrt(own * theirs), 0.995, 1.001);
    }

    [Fact]
    public void A_cancelled_run_ends_and_the_model_runs_again()
    {
        using var engine = new TorchEngine(new DeviceOptions { Threads = 2 });
        using var golden = new GoldenModel("llama-A");
        using var model = engine.Load(golden.Folder);
        using var cancellation = new CancellationTokenSource();
        engine.Runtime.Starting = rows =>
        {
            if (rows > 0)
                cancellation.Cancel();
        };
        Assert.ThrowsAny<OperationCanceledException>(() => model.Score(golden.Batch, golden.Targets, cancellation.Token));
        engine.Runtime.Starting = null;
        Assert.Equal(golden.Targets.Count, model.Score(golden.Batch, golden.Targets).Count);
    }

    private static void FailAbove(int rows, int most)
    {
        if (rows > most)
            throw new OutOfMemory();
    }

    // The gradients of a run of which one step finds no memory; what is handed out twice, or not at all, the collector refuses.
    private static float[] WithFailure(string name, int failing, out int steps)
    {
        using var engine = new TorchEngine(new DeviceOptions { Threads = 2 });
        engine.Runtime.Outbox.Capacity = 1000;
        using var golden = new GoldenModel(name);
        using var model = engine.Load(golden.Folder);
        model.Score(golden.Batch, golden.Targets);
        var gradients = new GradientCollector();
        var count = 0;
        engine.Runtime.Starting = _ =>
        {
            if (count++ == failing)
                throw new OutOfMemory();
        };
        model.Backward(golden.Batch, golden.Targets, gradients);
        steps = count;
        return [.. model.Parameters.Keys.Order(StringComparer.Ordinal).SelectMany(parameter => gradients[parameter])];
    }

    private static float[] Results(TorchEngine engine, string name)
    {
        using var golden = new GoldenModel(name);
        using var model = engine.Load(golden.Folder);
        var statistics = new ChannelStatistics();
        model.Observe(golden.Batch, statistics);
        var gradients = new GradientCollector();
        var scores = model.Backward(golden.Batch, golden.Targets, gradients);
        return
        [
            .. scores.Select(score => (float)score.LogProbability),
            .. statistics.Modules.SelectMany(module => statistics[module].MeanSquare()).Select(value => (float)value),
            .. gradients.Names.SelectMany(parameter => gradients[parameter]),
        ];
    }

    private sealed class DeviceFault() : ExternalException("CUDA error: no kernel image is available for execution on the device\nTrace");

    private sealed class OutOfMemory() : ExternalException("CUDA out of memory. Tried to allocate 20.00 MiB");

    private static void Near(float[] expected, float[] actual) => Assert.InRange(Compare.Relative(expected, actual), 0, 1e-5);
}
#endif
