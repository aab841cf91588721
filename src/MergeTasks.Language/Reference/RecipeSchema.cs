using System.Globalization;
using System.Text.Json.Nodes;
using MergeTasks.Language.Options;
using MergeTasks.Language.Recipes;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Language.Reference;

/// <summary>
/// The recipe language as a JSON schema (draft 7), which editors use to complete and check YAML: a line
/// <c># yaml-language-server: $schema=…</c> names it. Which parameters are valid follows from the recipe's method.
/// </summary>
internal sealed class RecipeSchema
{
    private readonly JsonObject _definitions = [];

    private RecipeSchema()
    {
    }

    /// <summary>The file's text.</summary>
    public static string Text()
    {
        var schema = new RecipeSchema();
        var merge = schema.Section(RecipeKeys.Recipe);
        merge["allOf"] = new JsonArray([.. MergeMethods.All.Select(schema.WhereMethodIs)]);
        var root = new JsonObject
        {
            ["if"] = new JsonObject { ["required"] = new JsonArray("experts") },
            ["then"] = schema.Section(RecipeKeys.Mixture),
            ["else"] = merge,
        };
        root.Insert(0, "$schema", "http://json-schema.org/draft-07/schema#");
        root.Insert(1, "description", "A merge recipe: mergekit's language, with this project's keys besides.");
        root["definitions"] = schema._definitions;
        return ReferenceJson.Text(root);
    }

    private static string NameOf(RecipeSection section) =>
        section.Title.ToLowerInvariant().Replace(' ', '-').Replace("'", "", StringComparison.Ordinal);

    private static JsonObject Link(string definition) => new() { ["$ref"] = "#/definitions/" + definition };

    private JsonObject Section(RecipeSection section)
    {
        var properties = new JsonObject();
        foreach (var key in section.Keys)
        {
            var value = Form(key.Form);

            // Draft 7 ignores what stands beside a $ref, the description among it.
            if (value.ContainsKey("$ref"))
                value = new JsonObject { ["allOf"] = new JsonArray(value) };
            value["description"] = key.Description;
            properties[key.Name] = value;
        }

        var schema = new JsonObject { ["type"] = "object", ["additionalProperties"] = false, ["properties"] = properties };
        if (section.Keys.Any(key => key.IsRequired))
            schema["required"] = new JsonArray([.. section.Keys.Where(key => key.IsRequired).Select(key => (JsonNode)key.Name)]);
        return schema;
    }

    private JsonObject Form(RecipeForm form) => form switch
    {
        RecipeForm.Text { Values.Count: > 0 } text =>
            new JsonObject { ["enum"] = new JsonArray([.. text.Values.Select(value => (JsonNode)value)]) },
        RecipeForm.Text => new JsonObject { ["type"] = new JsonArray("string", "number", "boolean") },
        RecipeForm.Texts =>
            new JsonObject { ["type"] = new JsonArray("string", "array"), ["items"] = new JsonObject { ["type"] = "string" } },
        RecipeForm.Switch(var word) => new JsonObject { ["enum"] = new JsonArray(word, word == "on") },
        RecipeForm.Flag => new JsonObject { ["type"] = "boolean" },
        RecipeForm.WholeNumber { Maximum: { } most } whole =>
            new JsonObject { ["type"] = "integer", ["minimum"] = whole.Minimum, ["maximum"] = most },
        RecipeForm.WholeNumber whole => new JsonObject { ["type"] = "integer", ["minimum"] = whole.Minimum },
        RecipeForm.Number { Maximum: double.MaxValue } number => new JsonObject { ["type"] = "number", ["minimum"] = number.Minimum },
        RecipeForm.Number number => new JsonObject { ["type"] = "number", ["minimum"] = number.Minimum, ["maximum"] = number.Maximum },
        RecipeForm.Setting =>
            new JsonObject { ["oneOf"] = new JsonArray(new JsonObject { ["type"] = new JsonArray("number", "boolean") }, Numbers()) },
        RecipeForm.Reference =>
            new JsonObject { ["oneOf"] = new JsonArray(new JsonObject { ["type"] = "string" }, Defined(RecipeKeys.Reference)) },
        RecipeForm.Parameters parameters => Parameters(parameters.OfWholeMerge),
        RecipeForm.LayerRange => new JsonObject
        {
            ["type"] = "array",
            ["minItems"] = 2,
            ["maxItems"] = 2,
            ["items"] = new JsonObject { ["type"] = "integer", ["minimum"] = 0 },
        },
        RecipeForm.Mapping mapping => Defined(mapping.Section),
        RecipeForm.ListOf list => new JsonObject { ["type"] = "array", ["minItems"] = 1, ["items"] = Defined(list.Section) },
        RecipeForm.MapOf map =>
            new JsonObject { ["type"] = "object", ["minProperties"] = 1, ["additionalProperties"] = Defined(map.Section) },
        RecipeForm.Either either => new JsonObject { ["anyOf"] = new JsonArray([.. either.Forms.Select(Form)]) },
        _ => throw new ArgumentException($"There is no schema for {form}.", nameof(form)),
    };

    private JsonObject Defined(RecipeSection section)
    {
        var name = NameOf(section);
        if (!_definitions.ContainsKey(name))
        {
            // Before its keys are looked at, because sections may contain themselves.
            _definitions[name] = null;
            _definitions[name] = Section(section);
        }

        return Link(name);
    }

    // All methods' parameters; those of the recipe's method alone are allowed by the conditions on the method.
    private JsonObject Parameters(bool ofWholeMerge)
    {
        var name = ofWholeMerge ? "parameters" : "parameters-of-a-model";
        if (!_definitions.ContainsKey(name))
        {
            var all = MergeMethods.All
                .SelectMany(method => method.Parameters)
                .Where(parameter => ofWholeMerge || parameter.PerModel)
                .DistinctBy(parameter => parameter.Name);
            _definitions[name] = new JsonObject
            {
                ["type"] = new JsonArray("object", "null"),
                ["additionalProperties"] = false,
                ["properties"] = new JsonObject(all.OrderBy(parameter => parameter.Name, StringComparer.Ordinal)
                    .Select(parameter => KeyValuePair.Create<string, JsonNode?>(parameter.Name, Setting(null)))),
            };
        }

        return Link(name);
    }

    private JsonObject WhereMethodIs(MergeMethod method) => new()
    {
        ["if"] = new JsonObject
        {
            ["properties"] = new JsonObject { ["merge_method"] = new JsonObject { ["const"] = method.Name } },
            ["required"] = new JsonArray("merge_method")
        },
        ["then"] = new JsonObject
        {
            ["properties"] = new JsonObject
            {
                ["parameters"] = OfMethod(method, perModelOnly: false),
                ["models"] = new JsonObject
                {
                    ["items"] = new JsonObject { ["properties"] = new JsonObject { ["parameters"] = OfMethod(method, perModelOnly: true) } }
                },
            },
        },
    };

    private JsonObject OfMethod(MergeMethod method, bool perModelOnly) => new()
    {
        ["additionalProperties"] = false,
        ["properties"] = new JsonObject(method.Parameters.Where(parameter => !perModelOnly || parameter.PerModel)
            .Select(parameter => KeyValuePair.Create<string, JsonNode?>(parameter.Name, Parameter(parameter)))),
    };

    private JsonObject Parameter(ParameterDeclaration parameter)
    {
        var schema = new JsonObject { ["allOf"] = new JsonArray(Setting(parameter)), ["description"] = parameter.Description };
        if (parameter.Default is { } value)
            schema["default"] = parameter.IsFlag ? value != 0 : value;
        return schema;
    }

    // A value, a gradient of values, or conditions whose values are either; one definition for each range of values.
    private JsonObject Setting(ParameterDeclaration? parameter)
    {
        var value = new JsonObject
        {
            ["type"] = parameter is null ? new JsonArray("number", "boolean") : parameter.IsFlag ? "boolean" : "number"
        };
        if (parameter is not null && double.IsFinite(parameter.Minimum))
            value["minimum"] = parameter.Minimum;
        if (parameter is not null && double.IsFinite(parameter.Maximum))
            value["maximum"] = parameter.Maximum;
        var name = parameter switch
        {
            null => "setting",
            { IsFlag: true } => "setting-flag",
            _ =>
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"setting{(value.ContainsKey("minimum") ? $"-from-{parameter.Minimum}" : "")}{(value.ContainsKey("maximum") ? $"-to-{parameter.Maximum}" : "")}-number"),
        };
        if (!_definitions.ContainsKey(name))
        {
            _definitions[name] = new JsonObject
            {
                ["anyOf"] = new JsonArray(
                    value,
                    Numbers(value),
                    Defined(RecipeKeys.Condition),
                    new JsonObject { ["type"] = "array", ["minItems"] = 1, ["items"] = Defined(RecipeKeys.Condition) }),
            };
        }

        return Link(name);
    }

    private static JsonObject Numbers(JsonObject? number = null) =>
        new() { ["type"] = "array", ["minItems"] = 1, ["items"] = number?.DeepClone() ?? new JsonObject { ["type"] = "number" } };
}
