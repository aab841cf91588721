using System.Text;
using System.Text.Json.Nodes;
using MergeTasks.Transformers.Configuration;
using MergeTasks.Transformers.Families;
using MergeTasks.Transformers.Tests.Golden;

namespace MergeTasks.Transformers.Tests.Families;

/// <summary>
/// What version 5 writes as <c>rope_parameters</c>, older versions wrote as <c>rope_theta</c>, <c>rope_scaling</c> and keys of some
/// families; both mean the same model.
/// </summary>
public class OlderSpellingTests
{
    // These families are younger than the newer spelling.
    private static readonly HashSet<string> NewerOnly = ["gemma4", "gemma4_text", "ministral3"];

    public static TheoryData<string> Names =>
        [
            .. GoldenModel.NamesOfVersionFive
                .Where(name => Settings(Text(Read(name))) is not null && !NewerOnly.Contains(TypeOf(Read(name)))),
        ];

    [Theory]
    [MemberData(nameof(Names))]
    public void Rotary_positions_in_the_older_spelling_are_the_same(string name)
    {
        var config = Read(name);
        var expected = Described(config);
        var text = Text(config);
        var settings = Settings(text)!;
        text.Remove("rope_parameters");
        if (settings["full_attention"] is JsonObject full)
        {
            var theta = text["model_type"]!.GetValue<string>() == "modernbert" ? "global_rope_theta" : "rope_theta";
            var slidingTheta = theta == "global_rope_theta" ? "local_rope_theta" : "rope_local_base_freq";
            text[slidingTheta] = settings["sliding_attention"]!["rope_theta"]!.DeepClone();
            Older(text, full, theta);
        }
        else
        {
            Older(text, settings, text["model_type"]!.GetValue<string>() == "gpt_neox" ? "rotary_emb_base" : "rope_theta");
        }

        Assert.Equal(expected, Described(config));
        if (text["rope_scaling"] is JsonObject scaling)
        {
            // The first of them called the type so.
            scaling["type"] = scaling["rope_type"]!.DeepClone();
            scaling.Remove("rope_type");
            Assert.Equal(expected, Described(config));
        }
    }

    private static void Older(JsonObject text, JsonObject settings, string theta)
    {
        var scaling = settings.DeepClone().AsObject();
        text[theta] = scaling["rope_theta"]!.DeepClone();
        scaling.Remove("rope_theta");
        if (scaling["partial_rotary_factor"] is { } share)
        {
            text[text["model_type"]!.GetValue<string>() == "gpt_neox" ? "rotary_pct" : "partial_rotary_factor"] = share.DeepClone();
            scaling.Remove("partial_rotary_factor");
        }

        scaling.Remove("type");
        text["rope_scaling"] = scaling["rope_type"]!.GetValue<string>() == "default" ? null : scaling;
    }

    private static JsonObject Read(string name) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(GoldenModel.FolderOf(name), "config.json")))!.AsObject();

    private static JsonObject Text(JsonObject config) => config["text_config"] as JsonObject ?? config;

    private static JsonObject? Settings(JsonObject text) => text["rope_parameters"] as JsonObject;

    private static string TypeOf(JsonObject config) => Text(config)["model_type"]!.GetValue<string>();

    private static string Described(JsonObject config) =>
        SpecText.Of(KnownFamilies.Describe(ConfigReader.Parse(Encoding.UTF8.GetBytes(config.ToJsonString()), "config.json")));
}
