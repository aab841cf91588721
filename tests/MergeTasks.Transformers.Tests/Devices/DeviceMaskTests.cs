#if WITH_TORCH
using System.Runtime.InteropServices;
using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Tests.Golden;
using static TorchSharp.torch;

namespace MergeTasks.Transformers.Tests.Devices;

/// <summary>
/// Who sees whom on a device, held against the rules, key by key; and the fused attention against the sum that it stands for.
/// </summary>
public class DeviceMaskTests
{
    public static TheoryData<bool, int?, int[], int> Cases()
    {
        var cases = new TheoryData<bool, int?, int[], int>();
        foreach (var isCausal in new[] { true, false })
            foreach (var window in new int?[] { null, 1, 3, 7, 100 })
                foreach (var lengths in new int[][] { [1], [7], [7, 7], [2, 7, 5], [7, 1] })
                    foreach (var hidden in isCausal ? [0] : new[] { 0, 1 })
                        cases.Add(isCausal, window, lengths, hidden);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_token_sees_what_the_rules_say(bool isCausal, int? window, int[] lengths, int hidden)
    {
        using var scope = NewDisposeScope();
        using var piece = PieceOf(lengths, hidden, out var batch);
        var spec = SpecOf(isCausal, window);
        var mask = piece.Mask(spec)?.expand(lengths.Length, 1, piece.Length, piece.Length).contiguous();
        for (var sequence = 0; sequence < lengths.Length; sequence++)
        {
            for (var query = 0; query < lengths[sequence]; query++)
            {
                for (var key = 0; key < piece.Length; key++)
                {
                    var sees = key < lengths[sequence] && batch.Sequences[sequence].Attended?[key] != false
                        && (!isCausal || key <= query) && (window is null || Math.Abs(key - query) < window);
                    Assert.Equal(sees ? 0 : -1e30f, mask?[sequence, 0, query, key].item<float>() ?? 0);
                    if (piece.IsCausalAlone(spec))
                        Assert.Equal(sees, key <= query);
                }
            }
        }

        Assert.Equal(isCausal && (window is null || window >= piece.Length), piece.IsCausalAlone(spec));
        Assert.Same(piece.Mask(spec), piece.Mask(spec));
    }

    [Theory]
    [InlineData("llama-A", null)]
    [InlineData("mistral-A", """{"sliding_window":3}""")]
    [InlineData("gemma2-A", """{"sliding_window":4,"attn_logit_softcapping":null}""")]
    [InlineData("gemma2-A", """{"query_pre_attn_scalar":5}""")]
    [InlineData("bert-mlm-A", null)]
    public void Long_and_short_sequences_together_have_the_gradients_of_the_built_in_engine(string name, string? changes)
    {
        using var changed = new Golden.ChangedModel(name, changes ?? "{}");
        using var own = changed.Load();
        using var torch = changed.Load("torch");
        var vocabulary = (int)own.Parameters.Values.Max(parameter => parameter.Shape[0]);
        var random = new Random(1);
        var batch = TokenBatch.Of(
            [
                .. new[]
                {
                    30, 1, 17, 29
                }.Select(length => Enumerable.Range(0, length).Select(_ => random.Next(Math.Min(vocabulary, 50))).ToArray())
            ]);
        Target[] targets =
            [.. batch.Sequences.SelectMany((sequence, i) => sequence.Ids.Select((_, position) => new Target(i, position, 3, 0.1)))];
        var (expected, actual) = (new Golden.GradientCollector(), new Golden.GradientCollector());
        var scores = own.Backward(batch, targets, expected).Zip(torch.Backward(batch, targets, actual));
        Assert.All(scores, pair => Assert.Equal(pair.First.LogProbability, pair.Second.LogProbability, 1e-4));

        // Some gradients are zero but for rounding, as those of the biases of keys are, so all are measured by the largest.
        var largest = expected.Names.Max(parameter => expected[parameter].Max(Math.Abs));
        foreach (var parameter in expected.Names)
            Assert.InRange(Golden.Compare.Absolute(expected[parameter], actual[parameter]), 0, 1e-4 * largest);
    }

    private static BatchPiece PieceOf(int[] lengths, int hidden, out TokenBatch batch)
    {
        batch = new TokenBatch([.. lengths.Select((length, i) => new TokenSequence(new int[length])
        {
            Attended = hidden == 0 || length == 1 ? null : [.. Enumerable.Range(0, length).Select(position => position % 3 != i % 2)],
        })]);
        return new BatchPiece(new BatchLayout(batch, takesPadding: true), 0, lengths.Length, CPU);
    }

    private static AttentionSpec SpecOf(bool isCausal, int? window) => new()
    {
        Projections = [],
        Query = default,
        Key = default,
        Value = default,
        Output = null!,
        Heads = 1,
        KeyValueHeads = 1,
        HeadSize = 4,
        Scale = 0.5,
        Causal = isCausal,
        Window = window,
    };
}
#endif
