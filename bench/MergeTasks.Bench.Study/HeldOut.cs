using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Metrics;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Bench.Study;

/// <summary>What one model does on everything that is held out.</summary>
/// <param name="LogProbability">Of each task's items, the mean ln p of the target's tokens.</param>
/// <param name="Exact">Of each task's items, 1 where every token of the target is the most probable one, else 0.</param>
/// <param name="Divergence">Of each general text, the mean over its positions of KL(base ‖ model); 0 of the base itself.</param>
internal sealed record Measured(double[][] LogProbability, double[][] Exact, double[] Divergence);

/// <summary>The held-out samples of all tasks, and the texts on which forgetting shows.</summary>
internal sealed class HeldOut
{
    private readonly Tokenizer _tokenizer;
    private readonly IReadOnlyList<IReadOnlyList<ScoredSequence>> _tasks;
    private readonly IReadOnlyList<int[]> _texts;
    private readonly IReadOnlyList<double[]> _base;

    public HeldOut(StudyOptions options, ITransformerModel baseModel)
    {
        _tokenizer = Tokenizer.Load(Path.Combine(options.Models, options.Base, "tokenizer.json"));
        var text = new TextModel(baseModel, _tokenizer);
        _tasks = [
            .. options.Tasks.Select(task =>
                JsonLines.ReadTasks(Path.Combine(options.Eval, task + ".jsonl")).Take(options.Items).Select(text.Prepare).ToList())
        ];
        int[] begin = text.BeginOfSequence is { } id ? [id] : [];
        _texts = [
            .. JsonLines.ReadTexts(options.General)
                .Select(one => (int[])[.. begin, .. text.Encode(one).Take(options.Tokens)])
                .Where(ids => ids.Length > 1)
                .Take(options.Texts)
        ];
        _base = [.. _texts.Select(ids => LogProbabilities(baseModel, ids))];
    }

    /// <summary>Measures a model.</summary>
    public Measured Measure(ITransformerModel model)
    {
        var text = new TextModel(model, _tokenizer);
        var scores = _tasks.Select(items => text.Score(items).ToList()).ToList();
        return new Measured(
            [.. scores.Select(task => task.Select(item => item.Average(target => target.LogProbability)).ToArray())],
            [.. scores.Select((task, t) => task.Select((item, i) => IsExact(_tasks[t][i], item) ? 1.0 : 0.0).ToArray())],
            [.. _texts.Select((ids, i) => Divergence(_base[i], LogProbabilities(model, ids), ids.Length))]);
    }

    private static bool IsExact(ScoredSequence item, IReadOnlyList<TargetScore> scores) =>
        scores.Index().All(score => score.Item.Best == item.Ids[item.FirstTarget + score.Index]);

    // ln p of every outcome at every position, one after the other.
    private static double[] LogProbabilities(ITransformerModel model, int[] ids)
    {
        var logits = model.Logits(TokenBatch.Of(ids), [.. Enumerable.Range(0, ids.Length).Select(position => (0, position))]);
        var outcomes = logits.Length / ids.Length;
        var values = new double[logits.Length];
        for (var start = 0; start < logits.Length; start += outcomes)
        {
            var row = logits.AsSpan(start, outcomes);
            double largest = float.NegativeInfinity, sum = 0;
            foreach (var logit in row)
                largest = Math.Max(largest, logit);
            foreach (var logit in row)
                sum += Math.Exp(logit - largest);
            for (var i = 0; i < outcomes; i++)
                values[start + i] = row[i] - largest - Math.Log(sum);
        }

        return values;
    }

    private static double Divergence(double[] baseModel, double[] model, int positions)
    {
        var sum = 0.0;
        for (var i = 0; i < baseModel.Length; i++)
            sum += Math.Exp(baseModel[i]) * (baseModel[i] - model[i]);
        return sum / positions;
    }
}
