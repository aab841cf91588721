using System.Text.Json;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Tests.Golden;

/// <summary>The reference data says how far each special field moves the logits when it alone is changed: so must the engine.</summary>
public class ConfigurationEffectTests
{
    public static TheoryData<string, string, string, double> Effects
    {
        get
        {
            var data = new TheoryData<string, string, string, double>();
            foreach (var root in new[] { GoldenModel.Root, GoldenModel.VersionFive })
            {
                using var summary = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(root, "summary.json")));
                foreach (var model in summary.RootElement.EnumerateObject())
                    foreach (var effect in EffectsOf(model.Value))
                        foreach (var engine in TestedEngines.Names)
                            data.Add(engine, model.Name, WithDerived(effect.Name), effect.Value.GetDouble());
            }

            return data;
        }
    }

    // With layers that share no keys and values the reference took weights that are not in the file.
    private static IEnumerable<JsonProperty> EffectsOf(JsonElement model) =>
        model.GetProperty("config_toggle_effect_on_logits").EnumerateObject().Where(effect => !effect.Name.Contains("num_kv_shared_layers"));

    // The reference derived the kinds of layers anew from this field, which a file gives beside it.
    private static string WithDerived(string change) =>
        change == """{"no_rope_layers": [1, 1]}""" ? """{"no_rope_layers": [1, 1], "layer_types": null}""" : change;

    [Theory]
    [MemberData(nameof(Effects))]
    public void Changing_one_field_moves_the_logits_as_in_the_reference(string engine, string name, string change, double expected)
    {
        using var golden = new GoldenModel(name, engine);
        using var changed = new ChangedModel(name, change);
        using var model = changed.Load(engine);
        var positions = golden.Model.Description.Task == ModelTask.SequenceClassification
            ? Enumerable.Range(0, golden.Batch.Sequences.Count).Select(sequence => (sequence, 0)).ToArray()
            : [
                .. golden.Batch.Sequences.SelectMany((sequence, i) =>
                    Enumerable.Range(0, sequence.Ids.Count).Select(position => (i, position)))
            ];
        var effect = Compare.Relative(golden.Singles("logits"), model.Logits(golden.Batch, positions));
        Assert.InRange(Math.Abs(effect - expected), 0, 1e-5 + 1e-4 * expected);
    }
}
